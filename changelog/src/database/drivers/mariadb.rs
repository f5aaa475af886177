//! MariaDB's driver, which speaks the protocol of MySQL.

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::{Row as _, ValueRef as _};
use sea_orm::{ConnectOptions, DatabaseConnection, DatabaseConnectionType, DbBackend, QueryResult};

use super::TimeField;
use super::server::beginning_with;
use crate::pool::closing_unclean;

pub(super) struct Driver;

impl super::Driver for Driver {
    fn backend(&self) -> DbBackend {
        DbBackend::MySql
    }

    fn has_reported(&self, error: &dyn DatabaseError) -> bool {
        self.number(error).is_some()
    }

    fn number(&self, error: &dyn DatabaseError) -> Option<u16> {
        let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(error.number())
    }

    fn misreads(&self, row: &QueryResult, column: &str, field: TimeField) -> bool {
        let Some(row) = row.try_as_mysql_row() else {
            return false;
        };
        let Ok(value) = row.try_get_raw(column) else {
            return false;
        };
        let bytes = || row.try_get_unchecked::<&[u8], _>(column);
        match (field, value.is_null()) {
            // The sign follows the length.
            (TimeField::Clock, false) => bytes().is_ok_and(|bytes| bytes.get(1) == Some(&1)),
            (TimeField::Clock, true) | (_, false) => false,
            // The value has bytes, so the driver only takes it for NULL.
            (_, true) => bytes().is_ok(),
        }
    }

    fn set_up(&self, options: &mut ConnectOptions, lock_wait: Duration, first: Vec<String>) {
        options.map_sqlx_mysql_pool_opts(move |options| {
            // The first is for rows, the second for tables. Zero would mean not to wait at all.
            let seconds = lock_wait.as_secs_f64().ceil().max(1.0);
            let wait = format!(
                "SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
            );
            let mut statements = first.clone();
            statements.push(wait);
            beginning_with(closing_unclean(options), statements)
        });
    }

    fn most_connections(&self, pool: &DatabaseConnection) -> Option<u32> {
        // A connection for tests has no pool.
        let DatabaseConnectionType::SqlxMySqlPoolConnection(_) = &pool.inner else {
            return None;
        };
        let pool = pool.get_mysql_connection_pool();
        Some(pool.options().get_max_connections())
    }
}
