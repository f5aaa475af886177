//! The databases' errors by their own codes.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbErr, RuntimeErr};

use super::{Dialect, drivers};

/// The database's own error, if the error comes from the database.
#[must_use]
pub fn database_error(error: &DbErr) -> Option<&dyn DatabaseError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver)) => driver.as_database_error(),
        _ => None,
    }
}

/// MariaDB's error number.
#[must_use]
pub fn mariadb_number(error: &DbErr) -> Option<u16> {
    drivers::number(database_error(error)?)
}

/// SQLite's primary error code, which is in the lowest byte of the extended one.
pub(super) fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    let code = error.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

/// The dialect of the database that reported an error.
pub fn of_error(error: &dyn DatabaseError) -> Option<&'static dyn Dialect> {
    drivers::of_error(error).map(|driver| super::on(driver.backend()))
}
