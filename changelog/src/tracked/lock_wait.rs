//! The bound of a transaction's waits for locks, where it is tighter than that of its connection.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::database;

/// Restores the connection's bound where the database does not do so at the end of the transaction. A
/// connection on which this has not been done is closed by its pool
/// ([`closing_unclean`](crate::closing_unclean)).
pub(super) async fn restore(inner: &DatabaseTransaction) -> Result<(), DbErr> {
    let Some(restore) = database::of(inner).facts().restore_lock_waits else {
        return Ok(());
    };
    inner.execute_unprepared(restore).await.map(|_| ())
}
