//! The databases' errors by their own codes.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr};

use super::{Dialect, MariaDb, Postgres, Sqlite};

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
    mariadb_number_of(database_error(error)?)
}

/// The same for the database's own error.
pub(super) fn mariadb_number_of(error: &dyn DatabaseError) -> Option<u16> {
    let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// SQLite's primary error code, which is in the lowest byte of the extended one.
pub(super) fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    let code = error.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

/// The dialect of the database that reported an error.
pub fn of_error(error: &dyn DatabaseError) -> Option<&'static dyn Dialect> {
    let of = |found: bool, dialect: &'static dyn Dialect| found.then_some(dialect);
    of(
        error.try_downcast_ref::<PgDatabaseError>().is_some(),
        &Postgres,
    )
    .or_else(|| of(mariadb_number_of(error).is_some(), &MariaDb))
    .or_else(|| of(error.try_downcast_ref::<SqliteError>().is_some(), &Sqlite))
}
