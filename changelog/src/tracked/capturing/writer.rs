//! Who writes the log of a table, and whether the triggers that should are there and switched on.
//!
//! Asked after a write, when the transaction already holds what keeps the answer true: on PostgreSQL the
//! table's lock, without which nobody drops or disables a trigger; on MariaDB the table's metadata lock
//! and a shared lock of who writes; on SQLite the whole database.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use crate::log::Operation;
use crate::triggers::trigger_name;

/// Who writes the log of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tracked) enum Writer {
    /// The entity's hooks, by this version of the table's shape.
    Hooks(i32),
    /// Triggers. `in_force`: the table has them, and none is switched off.
    Triggers { in_force: bool },
}

/// A write of a table that has just run.
pub(in crate::tracked) struct Written<'a> {
    pub(in crate::tracked) table: &'a str,
    pub(in crate::tracked) operation: Operation,
    pub(in crate::tracked) transaction_id: &'a str,
}

/// PostgreSQL's triggers are in force for this session: bits 4, 8 and 16 of `tgtype` are insert, delete
/// and update.
const IN_FORCE_ON_POSTGRES: &str = "COALESCE((
    SELECT (bit_or(t.tgtype::int) & 28) = 28 FROM pg_trigger t
    WHERE t.tgrelid = to_regclass(quote_ident(c.entity))
      AND t.tgname LIKE 'change\\_capture\\_%'
      AND (t.tgenabled = 'A' OR t.tgenabled = CASE current_setting('session_replication_role')
        WHEN 'replica' THEN 'R'::\"char\" ELSE 'O'::\"char\" END)), FALSE)";

/// What must be there on SQLite for every plain write to be recorded.
const ON_SQLITE: [&str; 5] = ["insert", "update", "update_key", "delete", "delete_kept"];
/// And on MariaDB.
const ON_MARIADB: [&str; 3] = ["insert", "update", "delete"];

/// Asks who was to record the write, and then until the transaction ends.
pub(super) async fn writer<C: ConnectionTrait>(
    db: &C,
    written: &Written<'_>,
) -> Result<Writer, DbErr> {
    let backend = db.get_database_backend();
    let entity = written.table;
    let (sql, values) = match backend {
        DbBackend::Postgres => (
            format!(
                "SELECT c.version, c.writer, {IN_FORCE_ON_POSTGRES} AS in_force
                 FROM change_capture c WHERE c.entity = $1"
            ),
            vec![Value::from(entity)],
        ),
        // What the trigger has written proves it for less than the catalogue takes, and stands at the
        // inbox's end.
        DbBackend::MySql => (
            "SELECT version, writer, (SELECT 1 FROM change_inbox WHERE transaction_id = ?
               AND entity = ? AND operation = ? AND source = 'trigger'
               ORDER BY id DESC LIMIT 1) AS in_force
             FROM change_capture WHERE entity = ? LOCK IN SHARE MODE"
                .to_owned(),
            vec![
                written.transaction_id.into(),
                entity.into(),
                written.operation.as_str().into(),
                entity.into(),
            ],
        ),
        _ => {
            let (in_force, mut values) = in_force_on_sqlite(entity);
            values.push(entity.into());
            let sql = format!(
                "SELECT version, writer, {in_force} AS in_force FROM change_capture WHERE entity = ?"
            );
            (sql, values)
        }
    };
    let ask = Statement::from_sql_and_values(backend, sql, values);
    let Some(row) = db.query_one_raw(ask).await? else {
        return Ok(Writer::Hooks(1));
    };
    if row.try_get::<String>("", "writer")? != "trigger" {
        return Ok(Writer::Hooks(row.try_get("", "version")?));
    }
    let in_force = match is_in_force(&row, backend)? {
        // A trigger writes nothing where only columns changed that the log does not show.
        false if backend == DbBackend::MySql => are_in_force(db, entity).await?,
        answer => answer,
    };
    Ok(Writer::Triggers { in_force })
}

/// Whether the table's triggers are there and switched on, by the catalogue. Asked before a write, it
/// takes what keeps them.
pub(super) async fn are_in_force<C: ConnectionTrait>(db: &C, entity: &str) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    let (sql, values) = match backend {
        DbBackend::Postgres => (
            format!(
                "SELECT {IN_FORCE_ON_POSTGRES} AS in_force
                 FROM (SELECT $1::text AS entity) c"
            ),
            vec![Value::from(entity)],
        ),
        DbBackend::MySql => {
            let table = entity.replace('`', "``");
            db.execute_unprepared(&format!("SELECT 1 FROM `{table}` LIMIT 0"))
                .await?;
            let marks = vec!["?"; ON_MARIADB.len()].join(", ");
            let names = ON_MARIADB.map(|kind| Value::from(trigger_name(kind, entity)));
            (
                format!(
                    "SELECT IF(COUNT(*) = {}, 1, NULL) AS in_force FROM information_schema.TRIGGERS
                     WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?
                       AND TRIGGER_NAME IN ({marks})",
                    ON_MARIADB.len()
                ),
                std::iter::once(entity.into()).chain(names).collect(),
            )
        }
        _ => {
            let (in_force, values) = in_force_on_sqlite(entity);
            (format!("SELECT {in_force} AS in_force"), values)
        }
    };
    let ask = Statement::from_sql_and_values(backend, sql, values);
    let row = db.query_one_raw(ask).await?;
    row.map_or(Ok(false), |row| is_in_force(&row, backend))
}

fn in_force_on_sqlite(entity: &str) -> (String, Vec<Value>) {
    let marks = vec!["?"; ON_SQLITE.len()].join(", ");
    let sql = format!(
        "((SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ({marks})) = {})",
        ON_SQLITE.len()
    );
    let names = ON_SQLITE.map(|kind| Value::from(trigger_name(kind, entity)));
    (sql, names.into())
}

fn is_in_force(row: &QueryResult, backend: DbBackend) -> Result<bool, DbErr> {
    match backend {
        DbBackend::Postgres => row.try_get("", "in_force"),
        DbBackend::MySql => Ok(row.try_get::<Option<i32>>("", "in_force")?.is_some()),
        _ => Ok(row.try_get::<i64>("", "in_force")? != 0),
    }
}
