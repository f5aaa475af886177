//! PostgreSQL's driver.

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::{PgDatabaseError, PgListener, PgValueFormat};
use sea_orm::sqlx::{Error, Row as _, ValueRef as _};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseConnectionType, DbBackend, DbErr, QueryResult,
    RuntimeErr,
};

use super::server::beginning_with;
use super::{Listener, TimeField};
use crate::database::lock_timeout;
use crate::pool::closing_unclean;

pub(super) struct Driver;

#[async_trait::async_trait]
impl super::Driver for Driver {
    fn backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn has_reported(&self, error: &dyn DatabaseError) -> bool {
        error.try_downcast_ref::<PgDatabaseError>().is_some()
    }

    fn misreads(&self, row: &QueryResult, column: &str, field: TimeField) -> bool {
        let Some(Ok(value)) = row.try_as_pg_row().map(|row| row.try_get_raw(column)) else {
            return false;
        };
        if value.is_null() || value.format() != PgValueFormat::Binary {
            return false;
        }
        value.as_bytes().is_ok_and(|bytes| !holds(field, bytes))
    }

    fn set_up(&self, options: &mut ConnectOptions, lock_wait: Duration, first: Vec<String>) {
        options.map_sqlx_postgres_pool_opts(move |options| {
            let wait = format!("SET {}", lock_timeout(lock_wait));
            let mut statements = first.clone();
            statements.push(wait);
            beginning_with(closing_unclean(options), statements)
        });
    }

    fn most_connections(&self, pool: &DatabaseConnection) -> Option<u32> {
        // A connection for tests has no pool.
        let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &pool.inner else {
            return None;
        };
        let pool = pool.get_postgres_connection_pool();
        Some(pool.options().get_max_connections())
    }

    async fn listen(
        &self,
        pool: &DatabaseConnection,
        channel: &str,
    ) -> Result<Box<dyn Listener>, DbErr> {
        let pool = pool.get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await.map_err(lost)?;
        listener.listen(channel).await.map_err(lost)?;
        Ok(Box::new(listener))
    }
}

#[async_trait::async_trait]
impl Listener for PgListener {
    async fn next(&mut self) -> Result<Option<String>, DbErr> {
        let signal = self.try_recv().await.map_err(lost)?;
        Ok(signal.map(|signal| signal.payload().to_owned()))
    }
}

fn lost(error: Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// Whether the field's type holds PostgreSQL's days or microseconds since 2000.
fn holds(field: TimeField, bytes: &[u8]) -> bool {
    const DAY: i64 = 86_400_000_000;
    let (first, last) = days(field);
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return (first..=last).contains(&i64::from(i32::from_be_bytes(bytes)));
    }
    let Ok(bytes) = <[u8; 8]>::try_from(bytes) else {
        return true;
    };
    let micros = i64::from_be_bytes(bytes);
    match field {
        TimeField::Clock => (0..DAY).contains(&micros),
        _ => (first..=last).contains(&micros.div_euclid(DAY)),
    }
}

/// The first and the last day that can be read, counted from 2000-01-01.
fn days(field: TimeField) -> (i64, i64) {
    use chrono::{Datelike, NaiveDate};
    // 2000-01-01 as the crates count days.
    const FROM_YEAR_1: i64 = 730_120;
    const JULIAN: i64 = 2_451_545;
    let chrono = |date: NaiveDate| i64::from(date.num_days_from_ce()) - FROM_YEAR_1;
    let time = |date: time::Date| i64::from(date.to_julian_day()) - JULIAN;
    match field {
        TimeField::Time => (time(time::Date::MIN), time(time::Date::MAX)),
        TimeField::Local => (chrono(NaiveDate::MIN) + 1, chrono(NaiveDate::MAX) - 1),
        TimeField::Clock | TimeField::Chrono => (chrono(NaiveDate::MIN), chrono(NaiveDate::MAX)),
    }
}
