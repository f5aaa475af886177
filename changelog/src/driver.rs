//! What the databases' errors mean: whether a retry may help, and what else was wrong, by their own codes.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::database::{self, database_error};
use crate::error::CaptureError;

/// Whether the same transaction may succeed if it is retried unchanged: after a deadlock, a serialisation
/// failure, a lock that was not granted in time, or a race that capture noticed. Nothing of the failed try is
/// stored.
///
/// A retry begins with a new transaction. It should be bounded, and wait a little first:
///
/// ```
/// use std::time::Duration;
///
/// use sea_orm::{DbErr, TransactionTrait};
/// use seachange_changelog::{TrackedConnection, TrackedTransaction, is_transient};
///
/// const TRIES: u32 = 5;
///
/// /// Runs `work` in a transaction, and again if other transactions were in its way.
/// async fn transact(
///     db: &TrackedConnection,
///     work: impl AsyncFn(&TrackedTransaction) -> Result<(), DbErr>,
/// ) -> Result<(), DbErr> {
///     let mut wait = Duration::from_millis(20);
///     for _ in 1..TRIES {
///         match attempt(db, &work).await {
///             Err(error) if is_transient(&error) => tokio::time::sleep(wait).await,
///             done => return done,
///         }
///         wait *= 2;
///     }
///     attempt(db, &work).await
/// }
///
/// async fn attempt(
///     db: &TrackedConnection,
///     work: &impl AsyncFn(&TrackedTransaction) -> Result<(), DbErr>,
/// ) -> Result<(), DbErr> {
///     let tx = db.begin().await?;
///     // After an error the transaction is dropped, which rolls it back.
///     work(&tx).await?;
///     tx.commit().await
/// }
/// ```
#[must_use]
pub fn is_transient(error: &DbErr) -> bool {
    match CaptureError::of(error) {
        Some(CaptureError::Retry(_)) => return true,
        Some(CaptureError::Log { source, .. }) => return is_transient(source),
        Some(_) => return false,
        None => {}
    }
    let said = database_error(error);
    said.is_some_and(|said| {
        database::of_error(said).is_some_and(|dialect| dialect.is_transient(said))
    })
}

/// Whether the database cannot be reached, or reports that it cannot work now: it shuts down, ends
/// connections, accepts no more of them, has no space, or must not be written. A later retry may succeed.
#[must_use]
pub fn is_unavailable(error: &DbErr) -> bool {
    if let Some(CaptureError::Log { source, .. }) = CaptureError::of(error) {
        return is_unavailable(source);
    }
    match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => true,
        DbErr::Query(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver)) => match &**driver {
            SqlxError::Database(said) => {
                let dialect = database::of_error(&**said);
                dialect.is_some_and(|dialect| dialect.is_unavailable(&**said))
            }
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed
            | SqlxError::BeginFailed => true,
            _ => false,
        },
        _ => false,
    }
}
