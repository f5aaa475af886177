//! Switching a table between hooks and triggers, with writers in flight.
//!
//! Who writes stands in `change_capture`, and hook and trigger each read it in the statement that
//! logs. On PostgreSQL and SQLite all of a switch is one transaction: on PostgreSQL under a lock that
//! waits for every transaction that has written the table, on SQLite alone in the database. On
//! MariaDB, where DDL commits by itself, the triggers are there before the row changes and go after;
//! a half-done switch is finished by calling it again.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionSession, TransactionTrait,
};

use super::catalogue::{Found, Table, columns as columns_of};
use super::install::{Plan, drop_triggers, make_triggers, patiently};
use super::options::TriggerOptions;
use super::schema::{Column, Schemas, Shown, Version};
use super::{literal, name, statement, tables};

/// Lets database triggers write the log of a table: whoever writes the table, by whatever means, is
/// recorded. For a migration:
///
/// ```ignore
/// track_by_triggers(manager.get_connection(), "comment", TriggerOptions::new()).await
/// ```
///
/// The entity stays as it is, its `track!` line included. The table may be written meanwhile: no
/// change is lost or recorded twice. Called again it brings the triggers up to date with the table
/// and the options.
///
/// # Errors
/// [`CaptureError::NoChangeLog`](crate::CaptureError::NoChangeLog) before
/// [`create_change_log`](crate::create_change_log); if the table is not there, has no primary key or one of a type that triggers cannot write down,
/// or what the database says.
pub async fn track_by_triggers<C>(
    db: &C,
    entity: &str,
    options: TriggerOptions,
) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    let backend = db.get_database_backend();
    tables::require_log(db).await?;
    tables::create(db).await?;
    if backend == DbBackend::MySql {
        return on_mariadb(db, entity, &options).await;
    }
    let tx = begin(db).await?;
    lock(&tx, entity).await?;
    install(&tx, entity, &Renames::none(), Some(&options)).await?;
    want(&tx, entity, Writer::Trigger).await?;
    set_writer(&tx, entity, Writer::Trigger).await?;
    tx.commit().await
}

/// Lets the entity's hooks write the log of a table again, and drops its triggers. Writes of other
/// programs are then no longer recorded.
///
/// # Errors
/// [`CaptureError::NoChangeLog`](crate::CaptureError::NoChangeLog); what the database says.
pub async fn track_by_hooks<C>(db: &C, entity: &str) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    tables::require_log(db).await?;
    tables::create(db).await?;
    if db.get_database_backend() == DbBackend::MySql {
        want(db, entity, Writer::Hook).await?;
        set_writer(db, entity, Writer::Hook).await?;
        return drop_triggers(db, entity).await;
    }
    let tx = begin(db).await?;
    lock(&tx, entity).await?;
    want(&tx, entity, Writer::Hook).await?;
    set_writer(&tx, entity, Writer::Hook).await?;
    drop_triggers(&tx, entity).await?;
    tx.commit().await
}

async fn on_mariadb<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    options: &TriggerOptions,
) -> Result<(), DbErr> {
    // There must be a row for writers to lock.
    want(db, entity, Writer::Trigger).await?;
    // Waits for every transaction that has written the table: from here on each write of it meets
    // the triggers, which write nothing yet and hold the row's lock.
    install(db, entity, &Renames::none(), Some(options)).await?;
    set_writer(db, entity, Writer::Trigger).await
}

/// A transaction that writes, on SQLite from its beginning.
pub(super) async fn begin<C: TransactionTrait + ConnectionTrait>(
    db: &C,
) -> Result<C::Transaction, DbErr> {
    let mut options = TransactionOptions::default();
    if db.get_database_backend() == DbBackend::Sqlite {
        options.sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    }
    db.begin_with_options(options).await
}

/// Waits for every transaction that has written the table and holds up those that will.
pub(super) async fn lock<C: ConnectionTrait>(db: &C, entity: &str) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        let table = name(entity, backend);
        db.execute_unprepared(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            .await?;
    }
    Ok(())
}

/// Who writes the log of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Hook,
    Trigger,
}

impl Writer {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Trigger => "trigger",
        }
    }
}

/// Says who shall write in the end. The row is there after it, with hooks as the writer if it is new.
pub(super) async fn want<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    writer: Writer,
) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    if backend == DbBackend::MySql {
        let sql = format!(
            "INSERT INTO change_capture (entity, wanted, writer, version)
             VALUES ({}, '{wanted}', 'hook', 1) ON DUPLICATE KEY UPDATE wanted = '{wanted}'",
            literal(entity, backend),
            wanted = writer.as_str(),
        );
        return alone(db, entity, &sql).await;
    }
    let sql =
        "INSERT INTO change_capture (entity, wanted, writer, version) VALUES (?, ?, 'hook', 1)
         ON CONFLICT (entity) DO UPDATE SET wanted = excluded.wanted";
    let values = [entity.into(), writer.as_str().into()];
    db.execute_raw(statement(backend, sql, values)).await?;
    Ok(())
}

/// Says who writes from now on. On MariaDB it waits for writers in flight.
pub(super) async fn set_writer<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    writer: Writer,
) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    if backend == DbBackend::MySql {
        let sql = format!(
            "UPDATE change_capture SET writer = '{}' WHERE entity = {}",
            writer.as_str(),
            literal(entity, backend)
        );
        return alone(db, entity, &sql).await;
    }
    let sql = "UPDATE change_capture SET writer = ? WHERE entity = ?";
    let values = [writer.as_str().into(), entity.into()];
    db.execute_raw(statement(backend, sql, values)).await?;
    Ok(())
}

/// MariaDB: runs a statement on `change_capture` while nobody is writing the table.
///
/// Table locks queue fairly behind transactions in flight. The row's lock alone would do, but with
/// many writers the one who waits for it is the victim of every deadlock. One text, so that the locks
/// cannot outlive it on another connection of the pool.
async fn alone<C: ConnectionTrait>(db: &C, entity: &str, sql: &str) -> Result<(), DbErr> {
    let table = name(entity, DbBackend::MySql);
    let sql = format!("LOCK TABLES {table} WRITE, change_capture WRITE;\n{sql};\nUNLOCK TABLES");
    patiently(db, None, &sql).await
}

/// Columns that have got other names since the newest version: old to new.
#[derive(Clone, Debug, Default)]
pub(super) struct Renames(pub(super) Vec<(String, String)>);

impl Renames {
    pub(super) fn none() -> Self {
        Self::default()
    }

    fn old_name<'a>(&'a self, name: &'a str) -> &'a str {
        let renamed = self.0.iter().find(|(_, new)| new == name);
        renamed.map_or(name, |(old, _)| old)
    }
}

/// Makes the triggers fit the table as it is, and stores its shape if that is new.
///
/// Without options columns stay shown as they were.
pub(super) async fn install<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
    options: Option<&TriggerOptions>,
) -> Result<(), DbErr> {
    let table = Table::read(db, entity).await?;
    let version = version_of(db, entity, &table.columns, renames, options).await?;
    check_key(entity, &version, db.get_database_backend())?;
    let schema = schema_name(db).await?;
    let plan = Plan {
        entity,
        schema: &schema,
        version: &version,
        table: &table,
    };
    if db.get_database_backend() == DbBackend::Sqlite {
        drop_triggers(db, entity).await?;
    }
    make_triggers(db, &plan).await?;
    set_version(db, entity, version.version).await
}

/// The version of the table that has these columns; stored, if it is new.
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
                version: newest.map_or(1, |newest| newest.version + 1),
                columns,
            };
            version.store(db, entity).await?;
            Ok(version)
        }
    }
}

/// Hooks write the table, and it is about to change: stores the shape that their images have had so
/// far. A column that has its new name already had the old one in them.
pub(super) async fn remember<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
) -> Result<(), DbErr> {
    let mut found = columns_of(db, entity).await?;
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
    want(db, entity, Writer::Hook).await
}

/// The table has changed under hooks: stores its shape, and has them write that version.
pub(super) async fn reshape<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    renames: &Renames,
) -> Result<(), DbErr> {
    let found = columns_of(db, entity).await?;
    if found.is_empty() {
        return Ok(());
    }
    let version = version_of(db, entity, &found, renames, None).await?;
    set_version(db, entity, version.version).await
}

/// Says which version hooks and triggers write.
async fn set_version<C: ConnectionTrait>(db: &C, entity: &str, version: i32) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let entity_text = literal(entity, backend);
    let sql = format!("UPDATE change_capture SET version = {version} WHERE entity = {entity_text}");
    if backend != DbBackend::MySql {
        db.execute_unprepared(&sql).await?;
        return Ok(());
    }
    let known = "SELECT 1 FROM change_capture WHERE entity = ? AND version = ?";
    let known = statement(backend, known, [entity.into(), version.into()]);
    // To be alone takes many tries, and most switches change no version.
    match db.query_one_raw(known).await? {
        Some(_) => Ok(()),
        None => alone(db, entity, &sql).await,
    }
}

/// The schema that table and log are in.
pub(super) async fn schema_name<C: ConnectionTrait>(db: &C) -> Result<String, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(String::new());
    }
    let sql = "SELECT current_schema()::text AS name";
    let row = db
        .query_one_raw(statement(DbBackend::Postgres, sql, []))
        .await?;
    row.ok_or_else(|| DbErr::Custom("no schema is current".to_owned()))?
        .try_get("", "name")
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
            let text = format!("key column `{}` of `{entity}` must be shown", found.name);
            return Err(DbErr::Custom(text));
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
            return Err(DbErr::Custom(format!(
                "table `{entity}` has no column `{column}`"
            )));
        }
    }
    Ok(columns)
}

/// Refuses keys whose text in the log a reader could not find again.
fn check_key(entity: &str, version: &Version, backend: DbBackend) -> Result<(), DbErr> {
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
        let is_uuid =
            backend != DbBackend::MySql || !ty.starts_with("binary") || ty == "binary(16)";
        if !is_plain || !is_uuid {
            let text = format!(
                "triggers take keys of integers, texts and UUIDs; `{}` of `{entity}` is {ty}",
                key.name
            );
            return Err(DbErr::Custom(text));
        }
    }
    Ok(())
}
