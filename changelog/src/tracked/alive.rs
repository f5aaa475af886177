//! Whether a transaction still is one.
//!
//! A database may end a transaction that its driver believes open: MariaDB after a deadlock, SQLite
//! by a conflict clause, PostgreSQL by refusing everything until the rollback. What is written after
//! that would stand alone, and a commit would acknowledge what is gone.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

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

/// Asks the database after one of its errors.
pub(super) async fn after_error(inner: &DatabaseTransaction) -> After {
    match inner.get_database_backend() {
        DbBackend::MySql => {
            let ask = Statement::from_string(
                DbBackend::MySql,
                "SELECT CAST(@@in_transaction AS SIGNED) AS open",
            );
            let answer = inner.query_one_raw(ask).await;
            let open = answer
                .ok()
                .flatten()
                .and_then(|row| row.try_get::<i64>("", "open").ok());
            if open == Some(1) {
                After::Alive
            } else {
                After::Ended
            }
        }
        DbBackend::Sqlite => {
            // Inside a transaction another cannot begin; outside, this one must not stay.
            if inner.execute_unprepared("BEGIN").await.is_err() {
                return After::Alive;
            }
            // Whatever comes of it, nothing more is written here.
            let _ = inner.execute_unprepared("ROLLBACK").await;
            After::Ended
        }
        _ => After::Failed,
    }
}
