//! Makes ticks, and reads the newest and oldest of them.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, Statement,
    TransactionTrait,
};

use crate::database::{Dialect, Postgres};
use crate::epoch::HERE;
use crate::reader::{Position, ReadError};

/// Makes tickers, moments and changes of the epoch exclude each other. No user's transaction writes this table,
/// so none is blocked, and unlike an advisory lock this lock takes no snapshot. The server ends a ticker that
/// hangs, so that another can take over.
pub(crate) const LOCK: &str = "SET LOCAL lock_timeout = '2s';
    SET LOCAL idle_in_transaction_session_timeout = '2s';
    LOCK TABLE change_epoch IN SHARE ROW EXCLUSIVE MODE";

/// Rows that the newest tick does not see. There are two branches, each by the index on xid, because with OR
/// the planner walks the primary key. It does the same if only one end of a range is given, which it takes
/// for a large part of the log; so a highest and a lowest xid are given, which exclude nothing. Rows that
/// this statement sees are committed, or belong to its own transaction, which writes none.
const UNTICKED: &str = "SELECT l.id FROM change_log l WHERE l.id > e.horizon
      AND l.xid BETWEEN pg_snapshot_xmax(t.snapshot) AND '18446744073709551615'
    UNION ALL
    SELECT l.id FROM change_log l WHERE l.id > e.horizon
      AND l.xid BETWEEN pg_snapshot_xmin(t.snapshot) AND pg_snapshot_xmax(t.snapshot)
      AND l.xid = ANY (ARRAY(SELECT pg_snapshot_xip(t.snapshot)))";

const NEWEST: &str = "SELECT tick_id, snapshot, last_id FROM change_tick
    ORDER BY tick_id DESC LIMIT 1";

const OLDEST: &str = "SELECT tick_id, last_id FROM change_tick ORDER BY tick_id LIMIT 1";

/// The channel on which tickers notify the other processes on this database.
pub(super) const CHANNEL: &str = "seachange_tick";

pub(super) fn statement(sql: impl Into<String>) -> Statement {
    Postgres.own_statement(&sql.into(), Vec::new())
}

/// Makes ticks in one epoch's log.
pub(super) struct Ticker {
    epoch: String,
    /// Identifies this reader, so that it can ignore its own ticks.
    node: String,
}

impl Ticker {
    pub(super) fn new(epoch: String) -> Self {
        let node = uuid::Uuid::new_v4().simple().to_string();
        Self { epoch, node }
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Ticks if there is anything to tick, and returns the end of the newest batch. It is one query if there
    /// is nothing.
    pub(super) async fn tick(&self, db: &DatabaseConnection) -> Result<Position, ReadError> {
        let look = format!(
            "SELECT t.tick_id, t.last_id, e.epoch,
                EXISTS (SELECT 1 FROM LATERAL ({UNTICKED}) r) AS found
             FROM ({NEWEST}) t, ({HERE}) e"
        );
        let row = self.here(db.query_one_raw(statement(look)).await?)?;
        if !row.try_get::<bool>("", "found")? {
            return Ok(end(&row)?);
        }
        let tx = db.begin().await?;
        // Each statement has its own snapshot, taken after the lock.
        tx.execute_unprepared(LOCK).await?;
        let newest = self.add(&tx).await?;
        tx.commit().await?;
        Ok(newest)
    }

    /// Adds a tick if there are rows for it, and notifies the other processes; returns the end of the newest
    /// batch.
    pub(super) async fn add(&self, tx: &DatabaseTransaction) -> Result<Position, ReadError> {
        let sql = format!(
            "WITH added AS (
                INSERT INTO change_tick (tick_id, snapshot, last_id, changes, at)
                SELECT t.tick_id + 1, pg_current_snapshot(), n.last_id, n.changes, clock_timestamp()
                FROM ({NEWEST}) t, ({HERE}) e,
                LATERAL (SELECT max(id) AS last_id, count(*) AS changes FROM ({UNTICKED}) r) n
                WHERE n.last_id IS NOT NULL
                RETURNING tick_id, last_id)
             SELECT e.epoch, a.tick_id, a.last_id,
                CASE WHEN a.tick_id IS NOT NULL THEN pg_notify('{CHANNEL}', '{node}') END
             FROM ({HERE}) e LEFT JOIN added a ON TRUE",
            node = self.node
        );
        let row = self.here(tx.query_one_raw(statement(sql)).await?)?;
        match row.try_get::<Option<i64>>("", "tick_id")? {
            Some(_) => Ok(end(&row)?),
            None => self.position(tx, NEWEST).await,
        }
    }

    /// The end of the oldest tick's batch, which is the base of the first readable one.
    pub(super) async fn oldest(&self, db: &DatabaseConnection) -> Result<Position, ReadError> {
        self.position(db, OLDEST).await
    }

    async fn position<C: ConnectionTrait>(&self, db: &C, sql: &str) -> Result<Position, ReadError> {
        let sql = format!("SELECT t.*, e.epoch FROM ({sql}) t, ({HERE}) e");
        Ok(end(&self.here(db.query_one_raw(statement(sql)).await?)?)?)
    }

    /// The row, if it belongs to this log.
    fn here(&self, row: Option<QueryResult>) -> Result<QueryResult, ReadError> {
        let row = row.ok_or(ReadError::Replaced)?;
        if row.try_get::<String>("", "epoch")? == self.epoch {
            Ok(row)
        } else {
            Err(ReadError::Replaced)
        }
    }
}

fn end(row: &QueryResult) -> Result<Position, DbErr> {
    Ok(Position::end_of(
        row.try_get("", "tick_id")?,
        row.try_get("", "last_id")?,
    ))
}
