//! The drivers: each is compiled in only with its database's feature.
//!
//! A dialect is text and facts, and this build has all of them, so it can say which feature it lacks. What
//! takes the types of a driver stands here, and nowhere else, so no other file asks for a feature.

#[cfg(feature = "mysql")]
mod mariadb;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend, DbErr, QueryResult};

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!(
    "choose a database: enable at least one of the features `sqlite`, `postgres` and `mysql` of `seachange`, \
     or of `seachange-changelog` if your program depends on that alone"
);

/// The drivers of this build.
static DRIVERS: &[&dyn Driver] = &[
    #[cfg(feature = "postgres")]
    &postgres::Driver,
    #[cfg(feature = "mysql")]
    &mariadb::Driver,
    #[cfg(feature = "sqlite")]
    &sqlite::Driver,
];

/// A database's driver.
#[async_trait::async_trait]
pub trait Driver: Sync {
    /// SeaORM's name for the database.
    fn backend(&self) -> DbBackend;

    /// Whether the database reported the error.
    fn has_reported(&self, error: &dyn DatabaseError) -> bool;

    /// The error's number, if the database reported it and numbers its errors besides their SQLSTATE.
    fn number(&self, _error: &dyn DatabaseError) -> Option<u16> {
        None
    }

    /// Whether the driver would panic at the value of a column, or read it as another value.
    fn misreads(&self, _row: &QueryResult, _column: &str, _field: TimeField) -> bool {
        false
    }

    /// Sets up a pool whose connections are clean (see [`closing_unclean`](crate::closing_unclean)) and wait
    /// for a lock no longer than `lock_wait`. Each begins by running the statements `first`, where it is a
    /// server's.
    fn set_up(&self, options: &mut ConnectOptions, lock_wait: Duration, first: Vec<String>);

    /// The most connections of the pool; `None` where the number bounds only readers, or there is no pool.
    fn most_connections(&self, _pool: &DatabaseConnection) -> Option<u32> {
        None
    }

    /// Listens to a channel on a connection of the pool.
    ///
    /// # Errors
    /// Errors of the database, or if it sends no notifications.
    async fn listen(
        &self,
        _pool: &DatabaseConnection,
        _channel: &str,
    ) -> Result<Box<dyn Listener>, DbErr> {
        Err(DbErr::BackendNotSupported {
            db: self.backend().as_str(),
            ctx: "notifications",
        })
    }
}

/// A connection that listens to a channel.
#[async_trait::async_trait]
pub trait Listener: Send {
    /// The payload of the next notification. `None` means that the connection was lost, and perhaps a
    /// notification with it; the next call connects again.
    ///
    /// # Errors
    /// Errors of the database.
    async fn next(&mut self) -> Result<Option<String>, DbErr>;
}

/// The type of a field of a date or a time, which determines what a driver reads safely.
#[derive(Clone, Copy, Debug)]
pub enum TimeField {
    /// A time of day.
    Clock,
    /// A date, alone or with a time, of the `chrono` crate.
    Chrono,
    /// The same with the local offset, which may lead to the next day or the one before.
    Local,
    /// A date, alone or with a time, of the `time` crate, whose years have four digits.
    Time,
}

/// The driver of a database, if this build has it.
pub fn driver(backend: DbBackend) -> Option<&'static dyn Driver> {
    let mut drivers = DRIVERS.iter().copied();
    drivers.find(|driver| driver.backend() == backend)
}

/// The driver that an error comes from.
pub(super) fn of_error(error: &dyn DatabaseError) -> Option<&'static dyn Driver> {
    let mut drivers = DRIVERS.iter().copied();
    drivers.find(|driver| driver.has_reported(error))
}

/// The number of an error, if its database numbers errors.
pub(super) fn number(error: &dyn DatabaseError) -> Option<u16> {
    DRIVERS.iter().find_map(|driver| driver.number(error))
}
