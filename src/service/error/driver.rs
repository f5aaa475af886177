//! What the drivers' errors mean to a caller, by each database's codes.

use sea_orm::{DbErr, RuntimeErr};
use seachange_changelog::internal::{database_error, mariadb_number};
use seachange_changelog::{is_transient, is_unavailable};

use super::{ErrorCode, ServiceError, internal};

pub(super) fn foreign_key() -> ServiceError {
    ServiceError::conflict("the row refers to one that does not exist, or others refer to it")
}

/// Whether the database reports a violated foreign key.
pub(super) fn is_foreign_key(error: &DbErr) -> bool {
    database_error(error).is_some_and(|database| {
        // SQLite reports a restricting foreign key as a trigger's error (1811), the code of a user's trigger,
        // too.
        let restricts = database.code().as_deref() == Some("1811")
            && database.message() == "FOREIGN KEY constraint failed";
        database.is_foreign_key_violation() || restricts
    })
}

/// Classifies driver errors beyond SeaORM's two classes, by codes from the databases' manuals.
pub(super) fn refused(source: &RuntimeErr, error: &DbErr) -> ServiceError {
    let RuntimeErr::SqlxError(driver) = source else {
        return internal();
    };
    if is_transient(error) {
        return ServiceError::busy();
    }
    if is_unavailable(error) {
        return unavailable();
    }
    if is_overtime(error) {
        return ServiceError::limit("the request has taken too long in the database");
    }
    let Some(database) = driver.as_database_error() else {
        return internal();
    };
    if is_foreign_key(error) {
        return foreign_key();
    }
    let code = database.code();
    match code.as_deref() {
        // SQLite: a string or blob too big.
        Some("18") => too_large(),
        // Not null, check, wrong type: SQLite.
        Some("1299" | "275" | "3091") => bad_value(),
        // Not null, check, too long for an index: PostgreSQL.
        Some("23502" | "23514" | "54000") => bad_value(),
        // PostgreSQL: a snapshot that was to be shared is gone, because its transaction was ended.
        Some("22023") => unavailable(),
        // The SQL standard's data exceptions: too long, out of range, NUL, a pattern that ends in
        // its escape character.
        Some(code) if code.len() == 5 && code.starts_with("22") => bad_value(),
        // PostgreSQL: no such operator, e.g. ordering by a `json` column inside a relation.
        Some("42883") => ServiceError::bad_input("a column's type does not allow this"),
        // MariaDB: a packet, or the text of a value, larger than max_allowed_packet.
        _ if matches!(mariadb_number(error), Some(1153 | 1301)) => too_large(),
        _ if is_mariadb_bad_value(error) => bad_value(),
        _ => internal(),
    }
}

fn too_large() -> ServiceError {
    ServiceError::limit("a row is too large for the database")
}

fn bad_value() -> ServiceError {
    ServiceError::bad_input("a value does not fit its column")
}

/// The error for a database that does not answer.
pub(super) fn unavailable() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the database is not available")
}

/// 1048 null, 1264 out of range, 1292 bad time, 1364 no default, 1366 bad encoding, 1406 too long,
/// 4025 check.
fn is_mariadb_bad_value(error: &DbErr) -> bool {
    mariadb_number(error)
        .is_some_and(|number| matches!(number, 1048 | 1264 | 1292 | 1364 | 1366 | 1406 | 4025))
}

/// Whether the database ended a statement because it ran too long.
fn is_overtime(error: &DbErr) -> bool {
    match mariadb_number(error) {
        Some(number) => number == 1969,
        None => database_error(error)
            .is_some_and(|database| database.code().as_deref() == Some("57014")),
    }
}
