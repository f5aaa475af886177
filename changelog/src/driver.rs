//! What the databases' errors say of another try, by their own codes.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

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
    // MariaDB: 1205 lock wait, 1213 deadlock, 1020 row changed since the snapshot, 1467 no number for a new
    // row, as after a deadlock about the counter.
    if let Some(number) = mariadb_number(error) {
        return matches!(number, 1205 | 1213 | 1020 | 1467);
    }
    let code = database_error(error).and_then(DatabaseError::code);
    match code.as_deref() {
        // PostgreSQL: serialisation failure, deadlock, lock not available.
        Some("40001" | "40P01" | "55P03") => true,
        // SQLite: BUSY and LOCKED.
        Some(code) => matches!(sqlite_code(code), Some(5 | 6)),
        None => false,
    }
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
            SqlxError::Database(_) => cannot_work_now(error),
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

fn cannot_work_now(error: &DbErr) -> bool {
    // 1040 and 1203 too many connections, 1053 shutdown, 1290 and 1836 read-only, 1317 interrupted,
    // 1927 connection killed, 3 and 1021 no room on the disk.
    if let Some(number) = mariadb_number(error) {
        return matches!(
            number,
            3 | 1021 | 1040 | 1053 | 1203 | 1290 | 1317 | 1836 | 1927
        );
    }
    let code = database_error(error).and_then(DatabaseError::code);
    match code.as_deref() {
        // PostgreSQL: an idle transaction ended, a replica or read-only; connections, resources, operators'
        // doings.
        Some("25P03" | "25006") => true,
        Some(code) if code.len() == 5 => ["08", "53", "57P"]
            .iter()
            .any(|class| code.starts_with(class)),
        // SQLite: read-only, an I/O error, no room, a file that is not there.
        Some(code) => matches!(sqlite_code(code), Some(8 | 10 | 13 | 14)),
        None => false,
    }
}

/// SQLite's primary code: it is in the lowest byte of the extended one. `None` for the five characters of
/// an SQL state.
pub(crate) fn sqlite_code(code: &str) -> Option<u32> {
    let code = (code.len() < 5).then(|| code.parse::<u32>().ok());
    code.flatten().map(|code| code & 0xff)
}

/// MariaDB's number of an error.
#[must_use]
pub fn mariadb_number(error: &DbErr) -> Option<u16> {
    let database = database_error(error)?;
    let error = database.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// What the database itself said, if it said anything.
#[must_use]
pub fn database_error(error: &DbErr) -> Option<&dyn DatabaseError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver)) => driver.as_database_error(),
        _ => None,
    }
}
