//! Making ticks, and the newest and oldest of them.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    Statement, TransactionTrait,
};

use crate::reader::Position;

/// Keeps tickers, moments and changes of the epoch off each other. A lock on a table nobody else
/// writes is in no user's way, and unlike an advisory lock it takes no snapshot. A ticker that hangs
/// is ended by the server, so that another can take over.
pub(crate) const LOCK: &str = "SET LOCAL lock_timeout = '2s';
    SET LOCAL idle_in_transaction_session_timeout = '2s';
    LOCK TABLE change_epoch IN SHARE ROW EXCLUSIVE MODE";

/// Rows that the newest tick does not see. Two branches, each by the index on xid: written with OR
/// the planner walks the primary key. A row this statement sees is committed, but for its own
/// transaction's, which writes none.
const UNTICKED: &str = "SELECT l.id FROM change_log l WHERE l.id > e.horizon
      AND l.xid >= pg_snapshot_xmax(t.snapshot)
    UNION ALL
    SELECT l.id FROM change_log l WHERE l.id > e.horizon
      AND l.xid = ANY (ARRAY(SELECT pg_snapshot_xip(t.snapshot)))";

const NEWEST: &str = "SELECT tick_id, snapshot, last_id FROM change_tick
    ORDER BY tick_id DESC LIMIT 1";

const EPOCH: &str = "SELECT horizon FROM change_epoch";

/// Adds a tick if there are rows for it.
fn insert_sql() -> String {
    format!(
        "INSERT INTO change_tick (tick_id, snapshot, last_id, changes, at)
         SELECT t.tick_id + 1, pg_current_snapshot(), n.last_id, n.changes, clock_timestamp()
         FROM ({NEWEST}) t, ({EPOCH}) e,
         LATERAL (SELECT max(id) AS last_id, count(*) AS changes FROM ({UNTICKED}) r) n
         WHERE n.last_id IS NOT NULL
         RETURNING tick_id, last_id"
    )
}

pub(super) fn statement(sql: impl Into<String>) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql.into())
}

/// Ticks if there is anything to tick, and tells the end of the newest batch. One query if there is
/// nothing.
pub(super) async fn tick(db: &DatabaseConnection) -> Result<Position, DbErr> {
    let look = format!(
        "SELECT t.tick_id, t.last_id, EXISTS (SELECT 1 FROM LATERAL ({UNTICKED}) r) AS found
         FROM ({NEWEST}) t, ({EPOCH}) e"
    );
    let Some(row) = db.query_one_raw(statement(look)).await? else {
        return Ok(Position::START);
    };
    if !row.try_get::<bool>("", "found")? {
        return end(&row);
    }
    let tx = db.begin().await?;
    // Each statement has a snapshot of its own, taken after the lock.
    tx.execute_unprepared(LOCK).await?;
    let newest = add(&tx).await?;
    tx.commit().await?;
    Ok(newest)
}

/// Adds a tick if there are rows for it; the end of the newest batch.
pub(super) async fn add(tx: &DatabaseTransaction) -> Result<Position, DbErr> {
    match tx.query_one_raw(statement(insert_sql())).await? {
        Some(row) => end(&row),
        None => position(tx, NEWEST).await,
    }
}

fn end(row: &QueryResult) -> Result<Position, DbErr> {
    Ok(Position::end_of(
        row.try_get("", "tick_id")?,
        row.try_get("", "last_id")?,
    ))
}

/// The end of the oldest tick's batch: the base of the first one readable.
pub(super) async fn oldest<C: ConnectionTrait>(db: &C) -> Result<Position, DbErr> {
    position(
        db,
        "SELECT tick_id, last_id FROM change_tick ORDER BY tick_id LIMIT 1",
    )
    .await
}

async fn position<C: ConnectionTrait>(db: &C, sql: &str) -> Result<Position, DbErr> {
    let row = db.query_one_raw(statement(sql)).await?;
    row.map_or(Ok(Position::START), |row| end(&row))
}
