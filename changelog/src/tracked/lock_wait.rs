//! How long a transaction's further statements wait for locks, where that is less than its connection's own
//! bound: a transaction that is tried again has only what is left of the time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

use super::transaction::TrackedTransaction;

impl TrackedTransaction {
    /// Bounds each statement's wait for a row from here on to the end of the transaction; the connection then
    /// waits as before. Takes one statement. On PostgreSQL a statement may wait twice, for its turn at the row
    /// and for the row, and waits for half of the time each. MariaDB counts whole seconds, at least one. On SQLite it does nothing: a
    /// transaction that writes has waited for all others when it began.
    ///
    /// # Errors
    /// What the database says.
    pub async fn limit_lock_waits(&self, most: Duration) -> Result<(), DbErr> {
        let Some(limit) = limit(self.get_database_backend(), most) else {
            return Ok(());
        };
        self.scope.has_lock_limit.store(true, Ordering::Relaxed);
        self.answer(self.inner.execute_unprepared(&limit))
            .await
            .map(|_| ())
    }
}

/// PostgreSQL's bound of each wait, by which a statement waits for a row no longer than `most`: where others
/// wait for the row already, it waits twice, for its turn and then for the row.
pub fn lock_timeout(most: Duration) -> String {
    format!("lock_timeout = {}", (most / 2).as_millis().max(1))
}

fn limit(backend: DbBackend, most: Duration) -> Option<String> {
    match backend {
        DbBackend::Postgres => Some(format!("SET LOCAL {}", lock_timeout(most))),
        DbBackend::MySql => {
            let most = most.as_secs_f64().ceil().max(1.0);
            Some(format!(
                "SET @seachange_lock_wait = @@SESSION.innodb_lock_wait_timeout, \
                 SESSION innodb_lock_wait_timeout = {most}"
            ))
        }
        _ => None,
    }
}

/// Takes the bound back where the database does not do so at the end of the transaction. A connection on
/// which this has not been done is closed by its pool ([`closing_unclean`](crate::closing_unclean)).
pub(super) async fn take_back(inner: &DatabaseTransaction) -> Result<(), DbErr> {
    if inner.get_database_backend() != DbBackend::MySql {
        return Ok(());
    }
    let sql = "SET SESSION innodb_lock_wait_timeout = @seachange_lock_wait, \
               @seachange_lock_wait = NULL";
    inner.execute_unprepared(sql).await.map(|_| ())
}
