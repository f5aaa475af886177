//! Who writes the log of a table on PostgreSQL, and on whose behalf.
//!
//! After a write the transaction holds the table's lock, so no trigger can be dropped or disabled meanwhile.

use sea_orm::DbErr;

use super::{Dialect, Postgres, Session};
use crate::database::{ContextTexts, Writer, Written};
use crate::shape::FIRST_VERSION;

/// Whether the triggers are in force for this session: bits 4, 8 and 16 of `tgtype` are insert, delete and
/// update.
const IN_FORCE: &str = "COALESCE((
    SELECT (bit_or(t.tgtype::int) & 28) = 28 FROM pg_trigger t
    WHERE t.tgrelid = to_regclass(quote_ident(c.entity))
      AND t.tgname LIKE 'change\\_capture\\_%'
      AND (t.tgenabled = 'A' OR t.tgenabled = CASE current_setting('session_replication_role')
        WHEN 'replica' THEN 'R'::\"char\" ELSE 'O'::\"char\" END)), FALSE)";

/// See [`Dialect::writer`].
pub(super) async fn writer(db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
    let sql = format!(
        "SELECT c.version, c.writer, {IN_FORCE} AS in_force FROM change_capture c WHERE c.entity = ?"
    );
    let ask = Postgres.statement(&sql, vec![written.table.into()]);
    let Some(row) = db.row(ask).await? else {
        return Ok(Writer::Hooks(FIRST_VERSION));
    };
    if row.try_get::<String>("", "writer")? != "trigger" {
        return Ok(Writer::Hooks(row.try_get("", "version")?));
    }
    let in_force = row.try_get("", "in_force")?;
    Ok(Writer::Triggers { in_force })
}

/// See [`Dialect::are_triggers_in_force`].
pub(super) async fn are_in_force(db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
    let sql = format!("SELECT {IN_FORCE} AS in_force FROM (SELECT ?::text AS entity) c");
    let row = db
        .row(Postgres.statement(&sql, vec![entity.into()]))
        .await?;
    row.map_or(Ok(false), |row| row.try_get("", "in_force"))
}

/// See [`Dialect::have_triggers_recorded`].
pub(super) async fn have_recorded(db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS found FROM change_log WHERE xid = pg_current_xact_id()
            AND entity = ? AND source = 'trigger' LIMIT 1";
    let found = db.row(Postgres.statement(sql, vec![entity.into()])).await?;
    Ok(found.is_some())
}

/// See [`Dialect::keep_writer`].
pub(super) async fn keep_writer(db: &dyn Session, entity: &str) -> Result<(), DbErr> {
    let sql = "SELECT 1 FROM change_capture WHERE lower(entity) = ? FOR SHARE";
    db.row(Postgres.statement(sql, vec![entity.into()]))
        .await
        .map(|_| ())
}

/// See [`Dialect::send_context`]. The settings hold for this transaction only. Each text is preceded by a
/// mark, because an empty setting cannot be distinguished from an absent one.
pub(super) async fn send_context(db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr> {
    let ContextTexts {
        actor,
        mutation_id,
        metadata,
        transaction_id,
    } = context;
    let sql = "SELECT set_config('seachange.actor', ?, true),
                   set_config('seachange.mutation_id', ?, true),
                   set_config('seachange.metadata', ?, true),
                   set_config('seachange.transaction_id', ?, true),
                   current_setting('transaction_isolation') <> 'read committed' AS sees_snapshot";
    let texts = [actor, mutation_id, metadata, Some(transaction_id)];
    let values = texts.map(|text| text.map_or(String::new(), |text| format!("={text}")).into());
    let sent = db.row(Postgres.statement(sql, values.into())).await?;
    let sees = sent.map(|sent| sent.try_get("", "sees_snapshot"));
    Ok(sees.transpose()?.unwrap_or(false))
}
