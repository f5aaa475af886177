//! What the drivers' errors mean to a client, by the databases' own codes.

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};
use seachange_changelog::CaptureError;

use super::{ErrorCode, Refusal};

pub(super) fn foreign_key() -> Refusal {
    Refusal::new(
        ErrorCode::Conflict,
        "the row refers to one that does not exist, or others refer to it",
    )
}

/// Whether a foreign key is what the database objects to.
pub(crate) fn is_foreign_key(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(driver)) | DbErr::Exec(RuntimeErr::SqlxError(driver))) =
        error
    else {
        return false;
    };
    driver.as_database_error().is_some_and(|database| {
        // SQLite reports a restricting one as a trigger's doing (1811).
        database.is_foreign_key_violation() || database.code().as_deref() == Some("1811")
    })
}

/// Classes of driver errors beyond SeaORM's two; codes from the databases' manuals.
pub(super) fn refused(source: &RuntimeErr, error: &DbErr) -> Refusal {
    let RuntimeErr::SqlxError(driver) = source else {
        return Refusal::internal(error);
    };
    if is_transient(error) {
        return Refusal::new(ErrorCode::Unavailable, "the database is busy; try again");
    }
    let Some(database) = driver.as_database_error() else {
        return unavailable(error);
    };
    if is_unavailable(driver) {
        return unavailable(error);
    }
    if is_overtime(driver) {
        return Refusal::limit("the request has taken too long in the database");
    }
    if is_foreign_key(error) {
        return foreign_key();
    }
    let code = database.code();
    match code.as_deref() {
        // Not null, check, wrong type: SQLite.
        Some("1299" | "275" | "3091") => bad_value(error),
        // Not null, check, too long for an index: PostgreSQL.
        Some("23502" | "23514" | "54000") => bad_value(error),
        // PostgreSQL: a snapshot that was to be shared is gone, because its transaction was ended.
        Some("22023") => unavailable(error),
        // The SQL standard's data exceptions: too long, out of range, NUL, a pattern that ends in
        // its escape character.
        Some(code) if code.len() == 5 && code.starts_with("22") => bad_value(error),
        // PostgreSQL: no such operator, e.g. ordering by a `json` column inside a relation.
        Some("42883") => Refusal::bad_input("a column's type does not allow this"),
        _ if is_mariadb_bad_value(driver.as_ref()) => bad_value(error),
        _ => Refusal::internal(error),
    }
}

fn bad_value(error: &DbErr) -> Refusal {
    tracing::debug!(%error, "value refused by the database");
    Refusal::bad_input("a value does not fit its column")
}

/// The database cannot be asked now.
pub(super) fn unavailable(error: &DbErr) -> Refusal {
    tracing::warn!(%error, "database unavailable");
    Refusal::new(ErrorCode::Unavailable, "the database is not available")
}

/// 1048 null, 1264 out of range, 1292 bad time, 1364 no default, 1366 bad encoding, 1406 too long,
/// 4025 check.
fn is_mariadb_bad_value(driver: &sqlx::Error) -> bool {
    mariadb_number(driver)
        .is_some_and(|number| matches!(number, 1048 | 1264 | 1292 | 1364 | 1366 | 1406 | 4025))
}

fn mariadb_number(driver: &sqlx::Error) -> Option<u16> {
    driver
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether another try may succeed as it is: deadlock, serialisation failure, lock wait, busy.
pub(crate) fn is_transient(error: &DbErr) -> bool {
    match CaptureError::of(error) {
        Some(CaptureError::Raced { .. } | CaptureError::Switched { .. } | CaptureError::Ended) => {
            return true;
        }
        Some(CaptureError::Log { source, .. }) => return is_transient(source),
        Some(_) => return false,
        None => {}
    }
    let (DbErr::Query(RuntimeErr::SqlxError(driver)) | DbErr::Exec(RuntimeErr::SqlxError(driver))) =
        error
    else {
        return false;
    };
    // MariaDB: 1205 lock wait, 1213 deadlock, 1020 row changed since the snapshot, 1467 no number for a new
    // row, as after a deadlock about the counter.
    if let Some(number) = mariadb_number(driver) {
        return matches!(number, 1205 | 1213 | 1020 | 1467);
    }
    let code = driver
        .as_database_error()
        .and_then(|database| database.code());
    match code.as_deref() {
        // PostgreSQL: serialisation failure, deadlock, lock not available.
        Some("40001" | "40P01" | "55P03") => true,
        // SQLite: BUSY and LOCKED with their extended codes in the upper bytes.
        Some(code) => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 5 | 6) && code < 4096),
        None => false,
    }
}

/// Whether the database has ended a statement that ran too long.
fn is_overtime(driver: &sqlx::Error) -> bool {
    match mariadb_number(driver) {
        Some(number) => number == 1969,
        None => driver
            .as_database_error()
            .is_some_and(|database| database.code().as_deref() == Some("57014")),
    }
}

/// Whether the database says that it cannot work now: it shuts down, ends connections, takes no
/// more, has no room, or may not be written. Another try may succeed later.
fn is_unavailable(driver: &sqlx::Error) -> bool {
    // 1040 and 1203 too many connections, 1053 shutdown, 1290 and 1836 read-only, 1317 interrupted,
    // 1927 connection killed, 3 and 1021 no room on the disk.
    if let Some(number) = mariadb_number(driver) {
        return matches!(
            number,
            3 | 1021 | 1040 | 1053 | 1203 | 1290 | 1317 | 1836 | 1927
        );
    }
    let code = driver
        .as_database_error()
        .and_then(|database| database.code());
    match code.as_deref() {
        // PostgreSQL: an idle transaction ended, a replica or read-only; connections, resources,
        // operators' doings.
        Some("25P03" | "25006") => true,
        Some(code) if code.len() == 5 => ["08", "53", "57P"]
            .iter()
            .any(|class| code.starts_with(class)),
        // SQLite: read-only, an I/O error, no room, a file that is not there.
        Some(code) => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 8 | 10 | 13 | 14)),
        None => false,
    }
}
