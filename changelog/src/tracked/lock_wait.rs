//! How long a transaction's further statements wait for locks, where that is less than its connection's own
//! bound: a transaction that is tried again has only what is left of the time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use super::transaction::TrackedTransaction;
use crate::database;

impl TrackedTransaction {
    /// Bounds each statement's wait for a row from here on to the end of the transaction; the connection then
    /// waits as before. Takes one statement. On PostgreSQL a statement may wait twice, for its turn at the row
    /// and for the row, and waits for half of the time each. MariaDB counts whole seconds, at least one. On SQLite it does nothing: a
    /// transaction that writes has waited for all others when it began.
    ///
    /// # Errors
    /// What the database says.
    pub async fn limit_lock_waits(&self, most: Duration) -> Result<(), DbErr> {
        let Some(limit) = database::of(self).limit_lock_waits(most) else {
            return Ok(());
        };
        self.scope.has_lock_limit.store(true, Ordering::Relaxed);
        self.answer(self.inner.execute_unprepared(&limit))
            .await
            .map(|_| ())
    }
}

/// Takes the bound back where the database does not do so at the end of the transaction. A connection on
/// which this has not been done is closed by its pool ([`closing_unclean`](crate::closing_unclean)).
pub(super) async fn take_back(inner: &DatabaseTransaction) -> Result<(), DbErr> {
    let Some(restore) = database::of(inner).facts().restore_lock_waits else {
        return Ok(());
    };
    inner.execute_unprepared(restore).await.map(|_| ())
}
