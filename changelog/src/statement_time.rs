//! How long a statement may run, where the database can be asked to see to it.

use std::time::Duration;

use sea_orm::DbBackend;

use crate::database;

/// The statement after which no other of the same session runs longer; `None` on SQLite, which knows no such
/// bound: what runs there can only be interrupted from outside, by whoever measures the time.
pub fn limit_statements(backend: DbBackend, most: Duration) -> Option<String> {
    database::on(backend).limit_statements(most)
}
