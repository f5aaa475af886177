//! Whether a transaction still is one.
//!
//! A database may end a transaction that its driver believes open: MariaDB after a deadlock, SQLite
//! by a conflict clause or where there is no room, PostgreSQL by refusing everything until the rollback.
//! What is written after that would stand alone, and a commit would acknowledge what is gone.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::database;
pub(super) use crate::database::After;

/// Asks the database after one of its errors. `levels`: the transaction and the savepoints that the driver
/// counts as open. In place of a transaction that has ended there is then an empty one, with as many.
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

/// Opens the savepoints that the driver counts in the empty transaction: its rollbacks then find what they take
/// back, and its count comes to zero. Without that the connection's next transaction would be a savepoint of
/// nothing. Nothing is written in it.
async fn open_savepoints(inner: &DatabaseTransaction, levels: usize) {
    for level in 1..levels {
        // As sqlx calls them.
        let savepoint = format!("SAVEPOINT _sqlx_savepoint_{level}");
        let _ = inner.execute_unprepared(&savepoint).await;
    }
}
