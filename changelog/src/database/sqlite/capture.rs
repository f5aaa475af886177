//! Who writes the log of a table on SQLite, and on whose behalf.
//!
//! A transaction that writes has the whole database to itself, so an answer holds until it ends.

use sea_orm::{DbErr, Value};

use super::{Dialect, Session, Sqlite};
use crate::database::plan::piece_name;
use crate::database::{ContextTexts, Writer, Written};
use crate::shape::FIRST_VERSION;

/// The triggers that must exist for every plain write to be recorded.
const NEEDED: [&str; 5] = ["insert", "update", "update_key", "delete", "delete_kept"];

/// See [`Dialect::writer`].
pub(super) async fn writer(db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
    let (in_force, mut values) = in_force(written.table);
    values.push(written.table.into());
    let sql = format!(
        "SELECT version, writer, {in_force} AS in_force FROM change_capture WHERE entity = ?"
    );
    let Some(row) = db.row(Sqlite.statement(&sql, values)).await? else {
        return Ok(Writer::Hooks(FIRST_VERSION));
    };
    if row.try_get::<String>("", "writer")? != "trigger" {
        return Ok(Writer::Hooks(row.try_get("", "version")?));
    }
    let in_force = Sqlite.read_flag(&row, "in_force")?;
    Ok(Writer::Triggers { in_force })
}

/// See [`Dialect::are_triggers_in_force`].
pub(super) async fn are_in_force(db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
    let (in_force, values) = in_force(entity);
    let sql = format!("SELECT {in_force} AS in_force");
    let row = db.row(Sqlite.statement(&sql, values)).await?;
    row.map_or(Ok(false), |row| Sqlite.read_flag(&row, "in_force"))
}

fn in_force(entity: &str) -> (String, Vec<Value>) {
    let marks = ["?"; NEEDED.len()].join(", ");
    let sql = format!(
        "((SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ({marks})) = {})",
        NEEDED.len()
    );
    let names = NEEDED.map(|kind| Value::from(piece_name(kind, entity)));
    (sql, names.into())
}

/// See [`Dialect::send_context`].
pub(super) async fn send_context(db: &dyn Session, context: ContextTexts) -> Result<(), DbErr> {
    let sql = "INSERT OR REPLACE INTO change_context (id, actor, mutation_id, metadata,
                   transaction_id) VALUES (1, ?, ?, ?, ?)";
    db.run(Sqlite.statement(sql, context.values()))
        .await
        .map(|_| ())
}
