//! One pass of the sequencer.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel, RuntimeErr,
    Statement, TransactionTrait, Value,
};

use crate::database::{Dialect, MariaDb};
use crate::reader::{Position, ReadError};

/// The lock's name contains a hash of the database's name, because locks belong to the whole server.
const LOCK_NAME: &str = "CONCAT('seachange.', MD5(DATABASE()))";
/// Seconds to wait for another pass to end.
const PATIENCE: u8 = 2;
/// A holder of the lock that is idle for 2 s is ended, inside a transaction or between two of them. The lock
/// belongs to the connection, so ending the connection releases it.
const IMPATIENT: &str = "SET SESSION idle_transaction_timeout = 2, SESSION wait_timeout = 2";
const AS_BEFORE: &str =
    "SET SESSION idle_transaction_timeout = DEFAULT, SESSION wait_timeout = DEFAULT";
/// The most changes moved in one transaction, unless a single user's transaction has more.
const CHANGES: i64 = 5_000;
/// The most transactions examined at once, which takes a scan of the inbox. They fit in a few megabytes, even
/// when millions of changes wait because no process has followed the log.
const TRANSACTIONS: u64 = 50_000;

const COLUMNS: &str = "entity, row_key, operation, `before`, `after`, actor, mutation_id, metadata,
    transaction_id, source, schema_version, recorded_at";

/// A user's transaction whose changes are waiting.
pub(super) struct Waiting {
    /// In bytes: what another program has written there need not be UTF-8.
    transaction_id: Vec<u8>,
    first: i64,
    pub(super) last: i64,
    changes: i64,
}

/// The sequencer's lock, held on one connection.
pub(super) struct Pass {
    // The lock belongs to the connection, so lock, moves and unlock share one. A transaction object is
    // SeaORM's way to lend a connection.
    connection: DatabaseTransaction,
}

pub(super) fn busy() -> DbErr {
    DbErr::Query(RuntimeErr::Internal(
        "another sequencer pass does not end".to_owned(),
    ))
}

fn statement(sql: impl Into<String>) -> Statement {
    MariaDb.own_statement(&sql.into(), Vec::new())
}

/// The newest position, and whether changes are waiting; it is one cheap query.
pub(super) async fn newest_and_waiting(
    db: &DatabaseConnection,
    epoch: &str,
) -> Result<(Position, bool), ReadError> {
    let sql = "SELECT COALESCE((SELECT MAX(id) FROM change_log), 0) AS newest, horizon, epoch,
        EXISTS (SELECT 1 FROM change_inbox) AS waits FROM change_epoch";
    let row = db.query_one_raw(statement(sql)).await?;
    let row = row.ok_or(ReadError::Replaced)?;
    if row.try_get::<String>("", "epoch")? != epoch {
        return Err(ReadError::Replaced);
    }
    let newest: i64 = row.try_get("", "newest")?;
    let horizon: i64 = row.try_get("", "horizon")?;
    let waits: i64 = row.try_get("", "waits")?;
    Ok((Position::of_id(newest.max(horizon)), waits != 0))
}

/// Whether changes are waiting.
pub(super) async fn is_any_waiting<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    let sql = "SELECT EXISTS (SELECT 1 FROM change_inbox) AS waits";
    let row = db.query_one_raw(statement(sql)).await?;
    row.map_or(Ok(false), |row| Ok(row.try_get::<i64>("", "waits")? != 0))
}

/// The waiting transactions whose largest id is above `after`, in the order in which they go into the log.
pub(super) async fn waiting<C: ConnectionTrait>(db: &C, after: i64) -> Result<Vec<Waiting>, DbErr> {
    let sql = format!(
        "SELECT transaction_id, MIN(id) AS first, MAX(id) AS last, COUNT(*) AS changes
         FROM change_inbox GROUP BY transaction_id HAVING last > ? ORDER BY last LIMIT {TRANSACTIONS}"
    );
    let select = MariaDb.statement(&sql, vec![after.into()]);
    let rows = db.query_all_raw(select).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                transaction_id: row.try_get("", "transaction_id")?,
                first: row.try_get("", "first")?,
                last: row.try_get("", "last")?,
                changes: row.try_get("", "changes")?,
            })
        })
        .collect()
}

impl Pass {
    /// Takes the lock; `None` if another pass holds it too long. The server ends a holder that hangs, which
    /// releases the lock.
    pub(super) async fn begin<C>(db: &C) -> Result<Option<Self>, DbErr>
    where
        C: TransactionTrait<Transaction = DatabaseTransaction>,
    {
        // Under READ COMMITTED, INSERT … SELECT locks no row of the inbox.
        let connection = db
            .begin_with_config(Some(IsolationLevel::ReadCommitted), None)
            .await?;
        // This comes first, so that a holder of the lock can never hang indefinitely.
        connection.execute_unprepared(IMPATIENT).await?;
        let sql = format!("SELECT GET_LOCK({LOCK_NAME}, {PATIENCE}) AS locked");
        let row = connection.query_one_raw(statement(sql)).await?;
        let locked: Option<i64> = row.map_or(Ok(None), |row| row.try_get("", "locked"))?;
        if locked == Some(1) {
            return Ok(Some(Self { connection }));
        }
        connection.execute_unprepared(AS_BEFORE).await?;
        connection.rollback().await?;
        Ok(None)
    }

    /// Moves all waiting changes, and unlocks.
    pub(super) async fn move_all(mut self) -> Result<(), DbErr> {
        let moved = self.move_waiting().await;
        self.end().await?;
        moved
    }

    async fn move_waiting(&mut self) -> Result<(), DbErr> {
        loop {
            let waiting = waiting(&self.connection, 0).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            self.move_these(waiting).await?;
        }
    }

    /// Moves the changes of these transactions, in this order, in commits of bounded size.
    pub(super) async fn move_these(&mut self, waiting: Vec<Waiting>) -> Result<(), DbErr> {
        let mut some: Vec<Waiting> = Vec::new();
        let mut changes = 0;
        for transaction in waiting {
            if !some.is_empty() && changes + transaction.changes > CHANGES {
                self.move_some(&some).await?;
                some.clear();
                changes = 0;
            }
            changes += transaction.changes;
            some.push(transaction);
        }
        if some.is_empty() {
            return Ok(());
        }
        self.move_some(&some).await
    }

    async fn move_some(&mut self, some: &[Waiting]) -> Result<(), DbErr> {
        match self.try_move(some).await {
            Ok(()) => self.control("COMMIT").await,
            Err(error) => {
                self.control("ROLLBACK").await?;
                Err(error)
            }
        }?;
        // The isolation level applies to one transaction only.
        self.control("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .await?;
        self.control("START TRANSACTION").await
    }

    async fn try_move(&mut self, some: &[Waiting]) -> Result<(), DbErr> {
        let places = vec!["?"; some.len()].join(", ");
        let ids = || some.iter().map(|t| Value::from(t.transaction_id.clone()));
        let expected: i64 = some.iter().map(|transaction| transaction.changes).sum();
        // No index leads to a transaction's changes, but they are adjacent, or nearly so.
        let first = some.iter().map(|transaction| transaction.first).min();
        let last = some.iter().map(|transaction| transaction.last).max();
        let sql = format!(
            "INSERT INTO change_log ({COLUMNS}, inbox_id)
             SELECT {COLUMNS}, id FROM change_inbox
             WHERE id BETWEEN ? AND ? AND transaction_id IN ({places})
             ORDER BY FIELD(transaction_id, {places}), id"
        );
        let ends = [first, last].map(Value::from).into_iter();
        let values: Vec<Value> = ends.chain(ids()).chain(ids()).collect();
        let insert = MariaDb.statement(&sql, values);
        let inserted = self.connection.execute_raw(insert).await?.rows_affected();
        // The delete starts from the log by its primary key, and hints leave the planner no choice. For a
        // long IN list, and for a join while the inbox is small in its statistics, it would plan a scan of
        // the inbox, which waits for every row that others have inserted but not yet committed.
        let sql = "DELETE i FROM change_log l FORCE INDEX (PRIMARY)
             STRAIGHT_JOIN change_inbox i FORCE INDEX (PRIMARY) ON i.id = l.inbox_id
             WHERE l.id >= LAST_INSERT_ID()";
        let deleted = self
            .connection
            .execute_raw(statement(sql))
            .await?
            .rows_affected();
        if inserted != deleted || i64::try_from(inserted) != Ok(expected) {
            let text = format!("moved {inserted} of {expected} changes, removed {deleted}");
            return Err(DbErr::Query(RuntimeErr::Internal(text)));
        }
        Ok(())
    }

    async fn control(&self, sql: &str) -> Result<(), DbErr> {
        self.connection.execute_unprepared(sql).await?;
        Ok(())
    }

    /// Unlocks. A connection that breaks before this loses the lock by itself.
    pub(super) async fn end(self) -> Result<(), DbErr> {
        let sql = format!("DO RELEASE_LOCK({LOCK_NAME})");
        self.connection.execute_raw(statement(sql)).await?;
        self.control(AS_BEFORE).await?;
        self.connection.rollback().await
    }
}
