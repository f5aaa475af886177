//! SQLite's driver.

use std::time::Duration;

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{ConnectOptions, DbBackend};

use crate::pool::closing_unclean;

/// How many rows a connection's thread reads ahead of the task that takes them. Most answers are shorter, so
/// the two need not wait for each other.
const ROWS: usize = 1_000;

pub(super) struct Driver;

impl super::Driver for Driver {
    fn backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    fn has_reported(&self, error: &dyn DatabaseError) -> bool {
        error.try_downcast_ref::<SqliteError>().is_some()
    }

    fn set_up(&self, options: &mut ConnectOptions, lock_wait: Duration, _first: Vec<String>) {
        options
            .map_sqlx_sqlite_opts(move |options| {
                options
                    .foreign_keys(true)
                    .busy_timeout(lock_wait)
                    .row_buffer_size(ROWS)
                    // WAL lets readers read while one writes.
                    .pragma("journal_mode", "WAL")
                    // This is safe in WAL mode except at a power cut: the last commits may then be gone, but
                    // nothing is torn.
                    .pragma("synchronous", "NORMAL")
            })
            .map_sqlx_sqlite_pool_opts(closing_unclean);
    }
}
