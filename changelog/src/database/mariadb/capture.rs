//! Who writes the log of a table on MariaDB, and on whose behalf.
//!
//! After a write the transaction holds the table's metadata lock; the queries here also take a shared lock on
//! the entry that says who writes.

use sea_orm::{DbErr, QueryResult, Value};

use super::{Dialect, MariaDb, Session};
use crate::database::plan::piece_name;
use crate::database::{ContextTexts, Writer, Written};
use crate::shape::FIRST_VERSION;

/// The triggers that must exist for every plain write to be recorded.
const NEEDED: [&str; 3] = ["insert", "update", "delete"];

/// See [`Dialect::writer`].
pub(super) async fn writer(db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
    // A row that the trigger has written proves that it is in force. It stands at the inbox's end, so finding
    // it costs less than asking the catalogue.
    let sql = "SELECT version, writer, (SELECT 1 FROM change_inbox WHERE transaction_id = ?
               AND entity = ? AND operation = ? AND source = 'trigger'
               ORDER BY id DESC LIMIT 1) AS in_force
             FROM change_capture WHERE entity = ? LOCK IN SHARE MODE";
    let values = vec![
        written.transaction_id.into(),
        written.table.into(),
        written.operation.into(),
        written.table.into(),
    ];
    let Some(row) = db.row(MariaDb.statement(sql, values)).await? else {
        return Ok(Writer::Hooks(FIRST_VERSION));
    };
    if row.try_get::<String>("", "writer")? != "trigger" {
        return Ok(Writer::Hooks(row.try_get("", "version")?));
    }
    // A trigger writes nothing if only columns changed that the log does not show.
    let in_force = is_in_force(&row)? || are_in_force(db, written.table).await?;
    Ok(Writer::Triggers { in_force })
}

/// See [`Dialect::are_triggers_in_force`].
pub(super) async fn are_in_force(db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
    let table = MariaDb.quote(entity);
    db.run_text(&format!("SELECT 1 FROM {table} LIMIT 0"))
        .await?;
    let marks = ["?"; NEEDED.len()].join(", ");
    let sql = format!(
        "SELECT IF(COUNT(*) = {}, 1, NULL) AS in_force FROM information_schema.TRIGGERS
         WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?
           AND TRIGGER_NAME IN ({marks})",
        NEEDED.len()
    );
    let names = NEEDED.map(|kind| Value::from(piece_name(kind, entity)));
    let values = std::iter::once(entity.into()).chain(names).collect();
    let row = db.row(MariaDb.statement(&sql, values)).await?;
    row.map_or(Ok(false), |row| is_in_force(&row))
}

fn is_in_force(row: &QueryResult) -> Result<bool, DbErr> {
    Ok(row.try_get::<Option<i32>>("", "in_force")?.is_some())
}

/// See [`Dialect::send_context`].
pub(super) async fn send_context(db: &dyn Session, context: ContextTexts) -> Result<(), DbErr> {
    let sql = "INSERT INTO change_context (connection_id, actor, mutation_id, metadata,
                   transaction_id) VALUES (CONNECTION_ID(), ?, ?, ?, ?)
                 ON DUPLICATE KEY UPDATE actor = VALUES(actor),
                   mutation_id = VALUES(mutation_id), metadata = VALUES(metadata),
                   transaction_id = VALUES(transaction_id)";
    db.run(MariaDb.statement(sql, context.values()))
        .await
        .map(|_| ())
}
