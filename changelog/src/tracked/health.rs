//! Finds out whether a transaction is still open after an error.
//!
//! A database may end a transaction that its driver believes open: MariaDB after a deadlock, SQLite by a
//! conflict clause or when there is no space. PostgreSQL refuses everything until the rollback. What is written
//! after such an end would be stored by itself, and a commit would acknowledge what is gone.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::database::{self, After};

/// Asks the database after one of its errors. `levels` is the number of levels that the driver counts as open:
/// the transaction and its savepoints. If the transaction has ended, an empty one with as many levels is opened
/// in its place.
pub(super) async fn after_error(
    inner: &DatabaseTransaction,
    error: &DbErr,
    levels: usize,
) -> After {
    let after = database::of(inner).after_error(inner, error).await;
    if after == After::Ended {
        open_savepoints(inner, levels).await;
    }
    after
}

/// Opens the savepoints that the driver counts in the empty transaction. Its rollbacks then find what they take
/// back, and its count comes to zero; otherwise the connection's next transaction would be a savepoint without
/// a transaction. Nothing is written in the empty transaction.
async fn open_savepoints(inner: &DatabaseTransaction, levels: usize) {
    for level in 1..levels {
        // These are the names that sqlx gives them.
        let savepoint = format!("SAVEPOINT _sqlx_savepoint_{level}");
        let _ = inner.execute_unprepared(&savepoint).await;
    }
}
