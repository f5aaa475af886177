//! A table's rows as they are now, read as capture would write them.
//!
//! The database writes each row down as its triggers would, and the text is decoded as a trigger's is,
//! so the image equals that of hooks and triggers alike, and needs no model: a migration may ask for a
//! table of which its entity knows more columns than there are yet.
//!
//! Knows the catalogue and SQL. What becomes of the rows is another's business.

pub(super) mod keys;
pub(super) mod settings;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::catalogue::{Found as FoundColumn, Table, column_names, key_names};
use super::schema::{Column, Schemas, Shown, Version};
use super::{decode, mariadb, name, postgres, sqlite, statement};
use crate::capture::{Hidden, Registry};
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::row_lock::RowLock;
pub(crate) use keys::Place;
use keys::{among, beyond, order, sql_text};
use settings::Settings;

/// Under which name a statement answers a row's image.
pub(super) const IMAGE: &str = "seachange_image";

/// Under which name it answers the how manieth column of the key.
pub(super) fn place_alias(n: usize) -> String {
    format!("seachange_key_{n}")
}

/// The alias of the table.
const ROW: &str = postgres::ROW;

/// A row's key.
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) key: Image,
}

/// What to do about a row that somebody is writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Leave it out.
    No,
    /// Until that transaction has ended.
    Yes,
}

/// A tracked table, for as long as a transaction lasts.
pub(crate) struct Present {
    /// Its name as the log has it.
    pub(crate) entity: String,
    /// The version of its shape that is written now.
    pub(crate) version: i32,
    /// What the log does not show of it, if that is capture's to hide and not its triggers'.
    pub(crate) hidden: Option<&'static Hidden>,
    /// All shapes that the table has had.
    pub(crate) schemas: Schemas,
    /// The shape by which texts are read.
    shape: Schemas,
    /// In the key's own order.
    keys: Vec<Column>,
    /// A row's image, and its key as one, in SQL.
    image: String,
    key_image: String,
    settings: Settings,
}

impl Present {
    /// Looks who writes the table's log, and keeps that so until the transaction ends: a switch waits.
    ///
    /// # Errors
    /// [`CaptureError::NoTable`], [`CaptureError::NotTracked`], [`CaptureError::HiddenKey`]; what the
    /// database says.
    pub(crate) async fn open<C: ConnectionTrait>(tx: &C, table: &str) -> Result<Self, DbErr> {
        let backend = tx.get_database_backend();
        let entity = called(tx, table).await?;
        if backend == DbBackend::Postgres {
            // What each write of the table takes: it holds up nobody but those who change its shape.
            let lock = format!(
                "LOCK TABLE {} IN ROW EXCLUSIVE MODE",
                name(&entity, backend)
            );
            tx.execute_unprepared(&lock).await?;
        }
        Self::of(tx, entity, "LOCK IN SHARE MODE").await
    }

    /// The same as the transaction's snapshot has it, locking nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn look<C: ConnectionTrait>(tx: &C, table: &str) -> Result<Self, DbErr> {
        let entity = called(tx, table).await?;
        Self::of(tx, entity, "").await
    }

    /// `lock` is what keeps MariaDB's switch waiting.
    async fn of<C: ConnectionTrait>(tx: &C, entity: String, lock: &str) -> Result<Self, DbErr> {
        let backend = tx.get_database_backend();
        let tracked = Registry::linked();
        let by_hooks = tracked.name_of(&entity);
        let settings = settings::pin(tx).await?;
        let (by_triggers, version) = writer(tx, &entity, lock).await?;
        let schemas = Schemas::read(tx).await?;
        let found = Table::read(tx, &entity).await?;
        let hidden = tracked.hidden(&entity).filter(|_| !by_triggers);
        let shape = match schemas.newest(&entity) {
            Some(newest) if by_triggers => newest.clone(),
            _ if by_hooks.is_some() && !by_triggers => {
                tracked.check_hidden(&entity)?;
                as_hooks_see(&entity, &found.columns, version, hidden)
            }
            _ => return Err(CaptureError::NotTracked { table: entity }.into()),
        };
        let is_there = |column: &Column| found.columns.iter().any(|now| now.name == column.name);
        if !shape.columns.iter().all(is_there) {
            let text = format!("table `{entity}` has lost columns without change_tables");
            return Err(DbErr::Custom(text));
        }
        let names = key_names(tx, &entity).await?;
        let named = |name: &String| shape.columns.iter().find(|column| column.name == *name);
        let keys: Vec<Column> = names.iter().filter_map(named).cloned().collect();
        if keys.is_empty() || keys.len() < names.len() {
            let text = format!("the key of table `{entity}` is not as capture knows it");
            return Err(DbErr::Custom(text));
        }
        let of_keys = Version {
            version,
            columns: keys.clone(),
        };
        Ok(Self {
            image: match backend {
                DbBackend::Postgres if by_triggers => postgres::image(&shape, ROW),
                _ => image_of(&shape, ROW, backend),
            },
            key_image: image_of(&of_keys, ROW, backend),
            shape: Schemas::of(&entity, shape),
            entity,
            version,
            hidden,
            schemas,
            keys,
            settings,
        })
    }

    /// Leaves the transaction as it was, for what comes after in it.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn close<C: ConnectionTrait>(self, tx: &C) -> Result<(), DbErr> {
        self.settings.restore(tx).await
    }

    /// The keys of up to `limit` rows after a place, in key order; locks nothing.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn keys<C: ConnectionTrait>(
        &self,
        tx: &C,
        after: Option<&Place>,
        limit: u64,
    ) -> Result<Vec<Found>, DbErr> {
        let backend = tx.get_database_backend();
        let rows = self.select(tx, &self.key_image, after, limit).await?;
        let found = |row: &QueryResult| {
            let key = self.read(row, IMAGE, backend)?;
            let place = Place::of(row, &self.keys, backend)?;
            Ok(Found { place, key })
        };
        rows.iter().map(found).collect()
    }

    /// Up to `limit` rows after a place, in key order, with their images; locks nothing.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn rows<C: ConnectionTrait>(
        &self,
        tx: &C,
        after: Option<&Place>,
        limit: u64,
    ) -> Result<Vec<(Found, Image)>, DbErr> {
        let backend = tx.get_database_backend();
        let rows = self.select(tx, &self.image, after, limit).await?;
        let found = |row: &QueryResult| {
            let image = self.read(row, IMAGE, backend)?;
            let place = Place::of(row, &self.keys, backend)?;
            let key = self.key_of(&image);
            Ok((Found { place, key }, image))
        };
        rows.iter().map(found).collect()
    }

    /// An image and the place of each of up to `limit` rows after a place, in key order.
    async fn select<C: ConnectionTrait>(
        &self,
        tx: &C,
        image: &str,
        after: Option<&Place>,
        limit: u64,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let backend = tx.get_database_backend();
        let literals = self.keys.iter().enumerate();
        let literals = literals.map(|(n, key)| {
            let text = sql_text(key, ROW, backend);
            format!("{text} AS {}", place_alias(n))
        });
        let sql = format!(
            "SELECT {} AS {IMAGE}, {} FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
            readable(image, backend),
            literals.collect::<Vec<_>>().join(", "),
            self.from(backend),
            beyond(&self.keys, ROW, after, backend),
            order(&self.keys, ROW, backend),
        );
        tx.query_all_raw(Statement::from_string(backend, sql)).await
    }

    /// The columns of which the log has every value.
    pub(crate) fn whole_columns(&self) -> impl Iterator<Item = &str> {
        let shape = self.shape.newest(&self.entity);
        let columns = shape.into_iter().flat_map(|shape| &shape.columns);
        let hidden = self.hidden;
        let is_whole = move |column: &&Column| {
            column.shown == Shown::Whole && !hidden.is_some_and(|hidden| hidden.hides(&column.name))
        };
        columns.filter(is_whole).map(|column| column.name.as_str())
    }

    /// How many columns it has.
    pub(crate) fn width(&self) -> usize {
        let shape = self.shape.newest(&self.entity);
        shape.map_or(0, |shape| shape.columns.len())
    }

    /// Key and image of each of the rows that is there, locked until the transaction ends. SQLite has
    /// no row locks: a write transaction has the database to itself.
    ///
    /// # Errors
    /// [`CaptureError::NoImage`]; what the database says.
    pub(crate) async fn lock<C: ConnectionTrait>(
        &self,
        tx: &C,
        rows: &[&Found],
        wait: Wait,
    ) -> Result<Vec<(Image, Image)>, DbErr> {
        let backend = tx.get_database_backend();
        let lock = RowLock::Update.clause(backend);
        let skip = match wait {
            Wait::No if backend != DbBackend::Sqlite => " SKIP LOCKED",
            _ => "",
        };
        let places = rows.iter().map(|row| &row.place);
        let sql = format!(
            "SELECT {} AS {IMAGE}, {} AS key_image FROM {} WHERE {}{lock}{skip}",
            readable(&self.image, backend),
            readable(&self.key_image, backend),
            self.from(backend),
            among(&self.keys, ROW, places, backend),
        );
        let rows = tx
            .query_all_raw(Statement::from_string(backend, sql))
            .await?;
        let locked = rows.iter().map(|row| {
            if backend == DbBackend::MySql && row.try_get::<Option<String>>("", IMAGE)?.is_none() {
                let key = image::text_of(&self.read(row, "key_image", backend)?);
                let table = self.entity.clone();
                return Err(CaptureError::NoImage { table, key }.into());
            }
            let image = self.read(row, IMAGE, backend)?;
            Ok((self.key_of(&image), image))
        });
        locked.collect()
    }

    fn key_of(&self, image: &Image) -> Image {
        let key = self.keys.iter().filter_map(|key| {
            let value = image.get(&key.name)?;
            Some((key.name.clone(), value.clone()))
        });
        sorted(key)
    }

    fn from(&self, backend: DbBackend) -> String {
        format!("{} {ROW}", name(&self.entity, backend))
    }

    /// The image that a text means.
    fn read(&self, row: &QueryResult, column: &str, backend: DbBackend) -> Result<Image, DbErr> {
        let text = match backend {
            DbBackend::Sqlite => row.try_get::<Vec<u8>>("", column)?,
            _ => row.try_get::<String>("", column)?.into_bytes(),
        };
        let version = self.shape.newest(&self.entity).map_or(1, |v| v.version);
        Ok(decode(&self.shape, &self.entity, version, &text, backend))
    }
}

/// The table's name as the log has it, if the table is there.
async fn called<C: ConnectionTrait>(tx: &C, table: &str) -> Result<String, DbErr> {
    let by_hooks = Registry::linked().name_of(table);
    let entity = by_hooks.unwrap_or(table).to_owned();
    match column_names(tx, &entity).await?.is_empty() {
        true => Err(CaptureError::NoTable { table: entity }.into()),
        false => Ok(entity),
    }
}

/// Whether triggers write the table's log, and by which version.
async fn writer<C: ConnectionTrait>(
    tx: &C,
    entity: &str,
    lock: &str,
) -> Result<(bool, i32), DbErr> {
    let backend = tx.get_database_backend();
    let lock = match backend {
        DbBackend::MySql => lock,
        _ => "",
    };
    let sql = format!("SELECT writer, version FROM change_capture WHERE entity = ? {lock}");
    let row = tx
        .query_one_raw(statement(backend, &sql, [entity.into()]))
        .await?;
    row.map_or(Ok((false, 1)), |row| {
        let writer: String = row.try_get("", "writer")?;
        Ok((writer == "trigger", row.try_get("", "version")?))
    })
}

/// The columns that the program's entity has, shown as hooks show them.
fn as_hooks_see(
    entity: &str,
    found: &[FoundColumn],
    version: i32,
    hidden: Option<&Hidden>,
) -> Version {
    let is_there = |name: &str| found.iter().any(|column| column.name == name);
    let is_known = |column: &&FoundColumn| {
        let known = Registry::linked().column(entity, &column.name, is_there);
        known.is_some()
    };
    let columns = found.iter().filter(is_known).zip(1..);
    let columns = columns.map(|(column, number)| Column {
        number,
        name: column.name.clone(),
        ty: column.ty.clone(),
        is_key: column.is_key,
        shown: hidden.map_or(Shown::Whole, |hidden| hidden.of_column(&column.name)),
    });
    Version {
        version,
        columns: columns.collect(),
    }
}

/// The image of a row as the database's triggers write it, in SQL.
pub(super) fn image_of(version: &Version, row: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => postgres::image_of(version, row),
        DbBackend::MySql => mariadb::image_of(version, row),
        _ => sqlite::image_of(version, row),
    }
}

/// The image's text in a row of an answer.
pub(super) fn text_of(row: &QueryResult, backend: DbBackend) -> Result<Vec<u8>, DbErr> {
    match backend {
        DbBackend::Sqlite => row.try_get::<Vec<u8>>("", IMAGE),
        _ => Ok(row.try_get::<String>("", IMAGE)?.into_bytes()),
    }
}

/// The text in a form that drivers read.
pub(super) fn readable(text: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => format!("({text})::text"),
        // Text on SQLite may hold bytes that are no UTF-8.
        DbBackend::Sqlite => format!("CAST(({text}) AS BLOB)"),
        _ => text.to_owned(),
    }
}

/// Fields by name: some crate in the build may have told serde_json to keep insertion order.
fn sorted(fields: impl Iterator<Item = (String, serde_json::Value)>) -> Image {
    let fields: std::collections::BTreeMap<_, _> = fields.collect();
    fields.into_iter().collect()
}
