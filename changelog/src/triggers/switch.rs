//! Switching a table between hooks and triggers while transactions write it.
//!
//! The writer is stored in `change_capture`, and hook and trigger each read it in the statement that logs. On
//! PostgreSQL and SQLite the whole switch is one transaction: on PostgreSQL under a lock that waits for every
//! transaction that has written the table, on SQLite alone in the database. On MariaDB, where DDL commits by
//! itself, the triggers are created before the row changes and dropped after it; an unfinished switch is
//! completed by calling it again.

use sea_orm::{ConnectionTrait, DbErr, TransactionSession, TransactionTrait};

use super::install::{drop_triggers, make_triggers};
use super::options::TriggerOptions;
use super::schema::{Schemas, store};
use super::tables;
use crate::catalogue;
use crate::database::{self, Begin, Dialect, Plan};
use crate::error::SetupRefusal;
use crate::shape::{Column, FIRST_VERSION, Found, Shown, Version};

/// Lets database triggers write the log of a table, so that writes of every program by any means are
/// recorded. For use in a migration:
///
/// ```no_run
/// use seachange_changelog::{TriggerOptions, track_by_triggers};
///
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// track_by_triggers(db, "comment", TriggerOptions::new()).await
/// # }
/// ```
///
/// The entity stays unchanged, including its `track!` line. The table may be written meanwhile: no change is
/// lost or recorded twice. A second call brings the triggers up to date with the table and the options.
///
/// # Migrations that write rows
///
/// A migration has a plain connection. What it writes to a table that triggers record is in the log, and
/// [`tell`](crate::tell) says who wrote it. Hooks do not run in a migration: SQL escapes them unrecorded, and an
/// `ActiveModel` is refused. So let triggers record such a table for as long as the migration writes it, with the
/// columns hidden that its entity hides:
///
/// ```no_run
/// use sea_orm::{ConnectionTrait, TransactionTrait};
/// use seachange_changelog::{Context, TriggerOptions, tell, track_by_hooks, track_by_triggers};
///
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// // In a migration: let db = manager.get_connection();
/// track_by_triggers(db, "label", TriggerOptions::new()).await?;
/// let tx = tell(db.begin().await?, &Context::actor("m20261130_labels")).await?;
/// tx.execute_unprepared("UPDATE label SET name = trim(name)").await?;
/// tx.commit().await?;
/// track_by_hooks(db, "label").await
/// # }
/// ```
///
/// A migration that changes columns, too, does so in [`change_tables`](crate::change_tables). On PostgreSQL a
/// migration is one transaction: other writers of the table wait for its end, and the context holds until then.
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`](crate::SetupRefusal::NoChangeLog) before
/// [`create_change_log`](crate::create_change_log); an error if the table is missing or has no primary key or
/// one of a type that triggers cannot write; or an error of the database.
pub async fn track_by_triggers<C>(
    db: &C,
    entity: &str,
    options: TriggerOptions,
) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    tables::require_log(db).await?;
    tables::create(db).await?;
    if !database::of(db).facts().transactional_ddl {
        return step_by_step(db, entity, &options).await;
    }
    let tx = begin(db).await?;
    lock(&tx, entity).await?;
    install(&tx, entity, &Renames::none(), Some(&options)).await?;
    want(&tx, entity, Recorder::Trigger).await?;
    set_recorder(&tx, entity, Recorder::Trigger).await?;
    tx.commit().await
}

/// [`track_by_triggers`] where each statement commits by itself.
async fn step_by_step<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    options: &TriggerOptions,
) -> Result<(), DbErr> {
    // Writers need an existing row to lock.
    want(db, entity, Recorder::Trigger).await?;
    // This waits for every transaction that has written the table. From here on each write of it meets the
    // triggers, which write nothing yet and hold the row's lock.
    install(db, entity, &Renames::none(), Some(options)).await?;
    set_recorder(db, entity, Recorder::Trigger).await
}

/// Begins a transaction that writes, on SQLite from its beginning.
pub(crate) async fn begin<C: TransactionTrait + ConnectionTrait>(
    db: &C,
) -> Result<C::Transaction, DbErr> {
    let options = database::of(db).begin(Begin::Write);
    db.begin_with_options(options).await
}

/// Waits for every transaction that has written the table, and makes later ones wait.
pub(crate) async fn lock<C: ConnectionTrait>(db: &C, entity: &str) -> Result<(), DbErr> {
    if let Some(lock) = database::of(db).switch_lock(entity) {
        db.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// The writer of a table's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorder {
    Hook,
    Trigger,
    /// A migration has said that the table is recorded no more. Hooks that run all the same record.
    Nothing,
}

impl Recorder {
    /// The word in `change_capture`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Trigger => "trigger",
            Self::Nothing => "nothing",
        }
    }
}

/// Sets the writer that a migration aims at. Creates the row if it is new, with hooks as the current writer.
pub(crate) async fn want<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    recorder: Recorder,
) -> Result<(), DbErr> {
    let sql = wanting(db, entity, recorder);
    database::of(db).change_capture(db, entity, &sql).await
}

pub(super) fn wanting<C: ConnectionTrait>(db: &C, entity: &str, recorder: Recorder) -> String {
    let dialect = database::of(db);
    let (name, wanted) = (dialect.literal(entity), recorder.as_str());
    format!(
        "INSERT INTO change_capture (entity, wanted, writer, version)
         VALUES ({name}, '{wanted}', 'hook', 1) {} wanted = '{wanted}'",
        dialect.facts().or_update_entity
    )
}

/// Sets the writer from now on. On MariaDB this waits for writers in progress.
pub(crate) async fn set_recorder<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    recorder: Recorder,
) -> Result<(), DbErr> {
    let sql = recording(db, entity, recorder);
    database::of(db).change_capture(db, entity, &sql).await
}

pub(super) fn recording<C: ConnectionTrait>(db: &C, entity: &str, recorder: Recorder) -> String {
    let name = database::of(db).literal(entity);
    let word = recorder.as_str();
    format!("UPDATE change_capture SET writer = '{word}' WHERE entity = {name}")
}

/// Columns that were renamed since the newest version, as pairs of old and new name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renames(pub(crate) Vec<(String, String)>);

impl Renames {
    pub(super) fn none() -> Self {
        Self::default()
    }

    fn old_name<'a>(&'a self, name: &'a str) -> &'a str {
        let renamed = self.0.iter().find(|(_, new)| new == name);
        renamed.map_or(name, |(old, _)| old)
    }
}

/// Adapts the triggers to the table as it is, and stores its shape if that is new.
///
/// Without options each column is shown as before.
pub(crate) async fn install<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
    options: Option<&TriggerOptions>,
) -> Result<(), DbErr> {
    let dialect = database::of(db);
    let table = catalogue::read(db, entity).await?;
    let version = version_of(db, entity, &table.columns, renames, options).await?;
    check_key(entity, &version, dialect)?;
    let schema = dialect.schema_name(db).await?;
    let plan = Plan {
        entity,
        schema: &schema,
        version: &version,
        table: &table,
    };
    if !dialect.facts().replaces_triggers {
        drop_triggers(db, entity).await?;
    }
    make_triggers(db, &plan).await?;
    set_version(db, entity, version.version).await
}

/// The version of the table that has these columns. It is stored if it is new.
async fn version_of<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    found: &[Found],
    renames: &Renames,
    options: Option<&TriggerOptions>,
) -> Result<Version, DbErr> {
    let schemas = Schemas::read(db).await?;
    let columns = columns(entity, found, schemas.versions(entity), renames, options)?;
    match schemas.newest(entity) {
        Some(newest) if newest.columns == columns => Ok(newest.clone()),
        newest => {
            let version = Version {
                version: newest.map_or(FIRST_VERSION, |newest| newest.version + 1),
                columns,
            };
            store(db, entity, &version).await?;
            Ok(version)
        }
    }
}

/// Stores the shape that the images of a table have had so far. It is called for a table that hooks write and
/// that is about to change. A column that already has its new name is stored under its old one.
pub(crate) async fn remember<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
) -> Result<(), DbErr> {
    let mut found = catalogue::columns(db, entity).await?;
    if found.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = found.iter().map(|column| column.name.clone()).collect();
    for column in &mut found {
        let old = renames.old_name(&column.name).to_owned();
        if !names.contains(&old) {
            column.name = old;
        }
    }
    version_of(db, entity, &found, &Renames::none(), None).await?;
    want(db, entity, Recorder::Hook).await
}

/// Stores the shape of a table that has changed under hooks, and makes hooks write that version.
pub(crate) async fn reshape<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
) -> Result<(), DbErr> {
    let found = catalogue::columns(db, entity).await?;
    if found.is_empty() {
        return Ok(());
    }
    let version = version_of(db, entity, &found, renames, None).await?;
    set_version(db, entity, version.version).await
}

/// Sets the version that hooks and triggers write.
async fn set_version<C: ConnectionTrait>(db: &C, entity: &str, version: i32) -> Result<(), DbErr> {
    let dialect = database::of(db);
    let name = dialect.literal(entity);
    let sql = format!("UPDATE change_capture SET version = {version} WHERE entity = {name}");
    let known = "SELECT 1 FROM change_capture WHERE entity = ? AND version = ?";
    let known = dialect.statement(known, vec![entity.into(), version.into()]);
    // Getting the row to oneself may take many attempts, and most switches do not change the version.
    match db.query_one_raw(known).await? {
        Some(_) => Ok(()),
        None => dialect.change_capture(db, entity, &sql).await,
    }
}

/// The columns of the table's next version.
fn columns(
    entity: &str,
    found: &[Found],
    versions: &[Version],
    renames: &Renames,
    options: Option<&TriggerOptions>,
) -> Result<Vec<Column>, DbErr> {
    let newest = versions.last();
    let all = versions.iter().flat_map(|version| &version.columns);
    let mut next = all.map(|column| column.number).max().unwrap_or(0) + 1;
    let mut columns = Vec::with_capacity(found.len());
    for found in found {
        let was = newest.and_then(|newest| {
            let name = renames.old_name(&found.name);
            newest.columns.iter().find(|column| column.name == name)
        });
        let number = was.map_or(next, |was| was.number);
        if number == next {
            next += 1;
        }
        let shown = match options {
            Some(options) if options.left_out.contains(&found.name) => Shown::Not,
            Some(options) if options.redacted.contains(&found.name) => Shown::Redacted,
            Some(_) => Shown::Whole,
            None => was.map_or(Shown::Whole, |was| was.shown),
        };
        if found.is_key && shown != Shown::Whole {
            return Err(SetupRefusal::KeyNotShown {
                table: entity.to_owned(),
                column: found.name.clone(),
            }
            .into());
        }
        columns.push(Column {
            number,
            name: found.name.clone(),
            ty: found.ty.clone(),
            is_key: found.is_key,
            shown,
        });
    }
    let named = options
        .into_iter()
        .flat_map(|o| o.redacted.iter().chain(&o.left_out));
    for column in named {
        if !columns.iter().any(|known| known.name == *column) {
            let (table, column) = (entity.to_owned(), column.clone());
            return Err(SetupRefusal::NoColumn { table, column }.into());
        }
    }
    Ok(columns)
}

/// Refuses keys that a reader could not find again by their text in the log.
fn check_key(entity: &str, version: &Version, dialect: &dyn Dialect) -> Result<(), DbErr> {
    let refused = [
        "blob",
        "varbinary",
        "float",
        "double",
        "real",
        "numeric",
        "decimal",
        "date",
        "time",
        "timestamp",
        "datetime",
        "bytea",
        "json",
    ];
    for key in version.keys() {
        let ty = key.ty.as_str();
        let is_plain = !refused.iter().any(|start| ty.starts_with(start));
        if !is_plain || !dialect.takes_key(ty) {
            return Err(SetupRefusal::KeyType {
                table: entity.to_owned(),
                column: key.name.clone(),
                type_name: ty.to_owned(),
            }
            .into());
        }
    }
    Ok(())
}
