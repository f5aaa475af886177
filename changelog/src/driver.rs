//! What the databases' errors say of another try, by their own codes.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::database;
pub use crate::database::{database_error, mariadb_number};
use crate::error::CaptureError;

/// Whether the same transaction, tried again, may succeed as it is: a deadlock, a serialisation failure, a
/// lock that was not given in time, a race that capture noticed.
#[must_use]
pub fn is_transient(error: &DbErr) -> bool {
    match CaptureError::of(error) {
        Some(CaptureError::Raced { .. } | CaptureError::Switched { .. } | CaptureError::Ended) => {
            return true;
        }
        Some(CaptureError::Log { source, .. }) => return is_transient(source),
        Some(_) => return false,
        None => {}
    }
    let said = database_error(error);
    said.is_some_and(|said| {
        database::of_error(said).is_some_and(|dialect| dialect.is_transient(said))
    })
}

/// Whether the database cannot be asked now, or says that it cannot work now: it is away, shuts down, ends
/// connections, takes no more, has no room, or may not be written. Another try may succeed later.
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
