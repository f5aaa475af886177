//! Whether a transaction still is one.
//!
//! A database may end a transaction that its driver believes open: MariaDB after a deadlock, SQLite
//! by a conflict clause or where there is no room, PostgreSQL by refusing everything until the rollback.
//! What is written after that would stand alone, and a commit would acknowledge what is gone.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

use crate::driver::{database_error, sqlite_code};

/// What an error left of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It goes on.
    Alive,
    /// This level can only be rolled back; an outer one goes on after that.
    Failed,
    /// All of it is gone.
    Ended,
}

/// Asks the database after one of its errors. `levels`: the transaction and the savepoints that the driver
/// counts as open.
pub(super) async fn after_error(
    inner: &DatabaseTransaction,
    error: &DbErr,
    levels: usize,
) -> After {
    let is_open = match inner.get_database_backend() {
        DbBackend::Postgres => return After::Failed,
        DbBackend::MySql => is_open_mariadb(inner).await,
        // Inside a transaction another cannot begin.
        _ => inner.execute_unprepared("BEGIN").await.is_err(),
    };
    if !is_open {
        open_again(inner, levels).await;
        return After::Ended;
    }
    if left_rows(inner, error).await {
        After::Failed
    } else {
        After::Alive
    }
}

async fn is_open_mariadb(inner: &DatabaseTransaction) -> bool {
    let ask = Statement::from_string(
        DbBackend::MySql,
        "SELECT CAST(@@in_transaction AS SIGNED) AS open",
    );
    let answer = inner.query_one_raw(ask).await.ok().flatten();
    answer.is_some_and(|row| row.try_get::<i64>("", "open") == Ok(1))
}

/// Opens an empty transaction in place of the one that has ended, with the savepoints that the driver
/// counts: its rollbacks then find what they take back, and its count comes to zero. Without that the
/// connection's next transaction would be a savepoint of nothing. Nothing is written in it.
async fn open_again(inner: &DatabaseTransaction, levels: usize) {
    if inner.get_database_backend() == DbBackend::MySql {
        // Where this fails the connection is gone, and the pool finds that out.
        let _ = inner.execute_unprepared("BEGIN").await;
    }
    for level in 1..levels {
        // As sqlx calls them.
        let savepoint = format!("SAVEPOINT _sqlx_savepoint_{level}");
        let _ = inner.execute_unprepared(&savepoint).await;
    }
}

/// Whether the statement that failed has left rows behind, which then no hook records: SQLite's `FAIL`,
/// the one way to end a statement that takes back nothing of it.
async fn left_rows(inner: &DatabaseTransaction, error: &DbErr) -> bool {
    /// `SQLITE_CONSTRAINT`, which conflict clauses and `RAISE` end with.
    const CONSTRAINT: u32 = 19;
    let code = database_error(error).and_then(|error| error.code());
    let code = code.as_deref().and_then(sqlite_code);
    if inner.get_database_backend() != DbBackend::Sqlite || code != Some(CONSTRAINT) {
        return false;
    }
    let ask = Statement::from_string(DbBackend::Sqlite, "SELECT changes() AS rows");
    let answer = inner.query_one_raw(ask).await.ok().flatten();
    // Without an answer it is not known: better taken back than unrecorded.
    answer.is_none_or(|row| row.try_get::<i64>("", "rows") != Ok(0))
}
