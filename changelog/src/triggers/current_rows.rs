//! Reads a table's rows as they are now, in the form in which capture would write them.
//!
//! The database writes each row down as its triggers would, and the text is decoded as a trigger's is. So the
//! image equals that of hooks and triggers alike, and no model is needed: a migration may read a table whose
//! entity declares more columns than exist yet.
//!
//! This module knows the catalogue and SQL, but not what the rows are used for.

pub(super) mod keys;
pub(super) mod settings;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::decode;
use super::schema::Schemas;
use crate::catalogue::{self, column_names, key_names};
use crate::database::{self, Dialect, ROW};
use crate::error::{SetupRefusal, ValueRefusal};
use crate::image::{self, Image};
use crate::registry::{Hidden, Registry};
use crate::row_lock::{self, RowLock};
use crate::shape::{Column, FIRST_VERSION, Found as FoundColumn, Shown, Version};
pub(crate) use keys::KeyPlace;
use keys::{among, beyond, order};
use settings::Settings;

/// The alias under which a statement returns a row's image.
pub(super) const IMAGE: &str = "seachange_image";

/// The alias under which it returns the key's `n`-th column.
pub(super) fn place_alias(n: usize) -> String {
    format!("seachange_key_{n}")
}

/// A row's key.
pub(crate) struct FoundKey {
    pub(crate) place: KeyPlace,
    pub(crate) key: Image,
}

/// How to treat a row that another transaction is writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Skip it.
    No,
    /// Wait until that transaction has ended.
    Yes,
}

/// A tracked table, for the duration of a transaction.
pub(crate) struct CurrentRows {
    /// The table's name as the log has it.
    pub(crate) entity: String,
    /// The version of the table's shape that is written now.
    pub(crate) version: i32,
    /// The columns that the log does not show, if hooks and not triggers hide them.
    pub(crate) hidden: Option<&'static Hidden>,
    /// All shapes that the table has had.
    pub(crate) schemas: Schemas,
    /// The shape by which texts are read.
    shape: Schemas,
    /// The key columns in the key's own order.
    keys: Vec<Column>,
    /// The SQL of a row's image, and that of its key's image.
    image: String,
    key_image: String,
    settings: Settings,
}

impl CurrentRows {
    /// Determines who writes the table's log, and makes a switch wait until the transaction ends.
    ///
    /// # Errors
    /// [`SetupRefusal::NoTable`], [`SetupRefusal::NotTracked`], [`SetupRefusal::HiddenKey`], or
    /// an error of the database.
    pub(crate) async fn open<C: ConnectionTrait>(tx: &C, table: &str) -> Result<Self, DbErr> {
        let dialect = database::of(tx);
        let entity = called(tx, table).await?;
        if let Some(lock) = dialect.write_lock(&entity) {
            tx.execute_unprepared(&lock).await?;
        }
        Self::of(tx, entity, dialect.facts().share_lock).await
    }

    /// Opens the table as the transaction's snapshot has it, without locking anything.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn look<C: ConnectionTrait>(tx: &C, table: &str) -> Result<Self, DbErr> {
        let entity = called(tx, table).await?;
        Self::of(tx, entity, "").await
    }

    /// `lock` is appended to the query for the writer, and makes a switch wait.
    async fn of<C: ConnectionTrait>(tx: &C, entity: String, lock: &str) -> Result<Self, DbErr> {
        let dialect = database::of(tx);
        let tracked = Registry::linked();
        let by_hooks = tracked.name_of(&entity);
        let settings = settings::pin(tx).await?;
        let (by_triggers, version) = writer(tx, &entity, lock).await?;
        let schemas = Schemas::read(tx).await?;
        let found = catalogue::read(tx, &entity).await?;
        let hidden = tracked.hidden(&entity).filter(|_| !by_triggers);
        let shape = match schemas.newest(&entity) {
            Some(newest) if by_triggers => newest.clone(),
            _ if by_hooks.is_some() && !by_triggers => {
                tracked.check_hidden(&entity)?;
                as_hooks_see(&entity, &found.columns, version, hidden)
            }
            _ => return Err(SetupRefusal::NotTracked { table: entity }.into()),
        };
        let is_there = |column: &Column| found.columns.iter().any(|now| now.name == column.name);
        if !shape.columns.iter().all(is_there) {
            return Err(SetupRefusal::LostColumns { table: entity }.into());
        }
        let names = key_names(tx, &entity).await?;
        let named = |name: &String| shape.columns.iter().find(|column| column.name == *name);
        let keys: Vec<Column> = names.iter().filter_map(named).cloned().collect();
        if keys.is_empty() || keys.len() < names.len() {
            return Err(SetupRefusal::KeyUnknown { table: entity }.into());
        }
        let of_keys = Version {
            version,
            columns: keys.clone(),
        };
        Ok(Self {
            image: if by_triggers {
                dialect.whole_image(&shape, ROW)
            } else {
                dialect.image_of(&shape, ROW)
            },
            key_image: dialect.image_of(&of_keys, ROW),
            shape: Schemas::of(&entity, shape),
            entity,
            version,
            hidden,
            schemas,
            keys,
            settings,
        })
    }

    /// Restores the transaction's settings for the statements that follow.
    ///
    /// # Errors
    /// Errors of the database.
    pub(crate) async fn close<C: ConnectionTrait>(self, tx: &C) -> Result<(), DbErr> {
        self.settings.restore(tx).await
    }

    /// The keys of up to `limit` rows after a place, in key order; locks nothing.
    ///
    /// # Errors
    /// Errors of the database.
    pub(crate) async fn keys<C: ConnectionTrait>(
        &self,
        tx: &C,
        after: Option<&KeyPlace>,
        limit: u64,
    ) -> Result<Vec<FoundKey>, DbErr> {
        let dialect = database::of(tx);
        let rows = self.select(tx, &self.key_image, after, limit).await?;
        let found = |row: &QueryResult| {
            let key = self.read(row, IMAGE, dialect)?;
            let place = KeyPlace::of(row, &self.keys, dialect)?;
            Ok(FoundKey { place, key })
        };
        rows.iter().map(found).collect()
    }

    /// Up to `limit` rows after a place, in key order, with their images; locks nothing.
    ///
    /// # Errors
    /// Errors of the database.
    pub(crate) async fn rows<C: ConnectionTrait>(
        &self,
        tx: &C,
        after: Option<&KeyPlace>,
        limit: u64,
    ) -> Result<Vec<(FoundKey, Image)>, DbErr> {
        let dialect = database::of(tx);
        let rows = self.select(tx, &self.image, after, limit).await?;
        let found = |row: &QueryResult| {
            let image = self.read(row, IMAGE, dialect)?;
            let place = KeyPlace::of(row, &self.keys, dialect)?;
            let key = self.key_of(&image);
            Ok((FoundKey { place, key }, image))
        };
        rows.iter().map(found).collect()
    }

    /// An image and the place of each of up to `limit` rows after a place, in key order.
    async fn select<C: ConnectionTrait>(
        &self,
        tx: &C,
        image: &str,
        after: Option<&KeyPlace>,
        limit: u64,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let dialect = database::of(tx);
        let literals = self.keys.iter().enumerate();
        let literals = literals.map(|(n, key)| {
            let text = dialect.key_text(key, ROW);
            format!("{text} AS {}", place_alias(n))
        });
        let sql = format!(
            "SELECT {} AS {IMAGE}, {} FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
            dialect.readable(image),
            literals.collect::<Vec<_>>().join(", "),
            self.from(dialect),
            beyond(&self.keys, ROW, after, dialect),
            order(&self.keys, ROW, dialect),
        );
        tx.query_all_raw(dialect.own_statement(&sql, Vec::new()))
            .await
    }

    /// The columns whose every value is in the log.
    pub(crate) fn whole_columns(&self) -> impl Iterator<Item = &str> {
        let shape = self.shape.newest(&self.entity);
        let columns = shape.into_iter().flat_map(|shape| &shape.columns);
        let hidden = self.hidden;
        let is_whole = move |column: &&Column| {
            column.shown == Shown::Whole && !hidden.is_some_and(|hidden| hidden.hides(&column.name))
        };
        columns.filter(is_whole).map(|column| column.name.as_str())
    }

    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        let shape = self.shape.newest(&self.entity);
        shape.map_or(0, |shape| shape.columns.len())
    }

    /// Key and image of each of these rows that exists, locked until the transaction ends. SQLite has no row
    /// locks: a write transaction has the database to itself.
    ///
    /// # Errors
    /// [`ValueRefusal::NoImage`], or an error of the database.
    pub(crate) async fn lock<C: ConnectionTrait>(
        &self,
        tx: &C,
        rows: &[&FoundKey],
        wait: Wait,
    ) -> Result<Vec<(Image, Image)>, DbErr> {
        let dialect = database::of(tx);
        let lock = row_lock::clause(RowLock::Update, dialect);
        let skip = match wait {
            Wait::No => dialect.facts().skip_locked,
            Wait::Yes => "",
        };
        let places = rows.iter().map(|row| &row.place);
        let sql = format!(
            "SELECT {} AS {IMAGE}, {} AS key_image FROM {} WHERE {}{lock}{skip}",
            dialect.readable(&self.image),
            dialect.readable(&self.key_image),
            self.from(dialect),
            among(&self.keys, ROW, places, dialect),
        );
        let rows = tx
            .query_all_raw(dialect.own_statement(&sql, Vec::new()))
            .await?;
        let locked = rows.iter().map(|row| {
            let is_lost = dialect.facts().loses_large_images;
            if is_lost && dialect.read_text(row, IMAGE)?.is_none() {
                let key = image::text_of(&self.read(row, "key_image", dialect)?);
                let table = self.entity.clone();
                return Err(ValueRefusal::NoImage { table, key }.into());
            }
            let image = self.read(row, IMAGE, dialect)?;
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

    fn from(&self, dialect: &dyn Dialect) -> String {
        format!("{} {ROW}", dialect.quote(&self.entity))
    }

    /// The image in a text of a result row.
    fn read(&self, row: &QueryResult, column: &str, dialect: &dyn Dialect) -> Result<Image, DbErr> {
        let text = text_in(row, column, dialect)?;
        let version = self
            .shape
            .newest(&self.entity)
            .map_or(FIRST_VERSION, |v| v.version);
        Ok(decode(&self.shape, &self.entity, version, &text, dialect))
    }
}

/// The table's name as the log has it, if the table exists.
async fn called<C: ConnectionTrait>(tx: &C, table: &str) -> Result<String, DbErr> {
    let by_hooks = Registry::linked().name_of(table);
    let entity = by_hooks.unwrap_or(table).to_owned();
    if column_names(tx, &entity).await?.is_empty() {
        Err(SetupRefusal::NoTable { table: entity }.into())
    } else {
        Ok(entity)
    }
}

/// Whether triggers write the table's log, and the version that is written.
async fn writer<C: ConnectionTrait>(
    tx: &C,
    entity: &str,
    lock: &str,
) -> Result<(bool, i32), DbErr> {
    let sql = format!("SELECT writer, version FROM change_capture WHERE entity = ?{lock}");
    let ask = database::of(tx).statement(&sql, vec![entity.into()]);
    let row = tx.query_one_raw(ask).await?;
    row.map_or(Ok((false, FIRST_VERSION)), |row| {
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

/// A text in a result row.
pub(super) fn text_in(
    row: &QueryResult,
    column: &str,
    dialect: &dyn Dialect,
) -> Result<Vec<u8>, DbErr> {
    let text = dialect.read_text(row, column)?;
    text.ok_or_else(|| DbErr::Type(format!("{column} is null")))
}

/// The fields sorted by name, because another crate in the build may have made serde_json keep insertion
/// order.
fn sorted(fields: impl Iterator<Item = (String, serde_json::Value)>) -> Image {
    let fields: std::collections::BTreeMap<_, _> = fields.collect();
    fields.into_iter().collect()
}
