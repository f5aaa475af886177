//! How long a statement may run, where the database can be asked to see to it.

use std::time::Duration;

use sea_orm::DbBackend;

/// The statement after which no other of the same session runs longer; `None` on SQLite, which knows no such
/// bound: what runs there can only be interrupted from outside, by whoever measures the time.
pub fn limit_statements(backend: DbBackend, most: Duration) -> Option<String> {
    match backend {
        DbBackend::Postgres => Some(format!("SET statement_timeout = {}", most.as_millis())),
        DbBackend::MySql => Some(format!(
            "SET SESSION max_statement_time = {}",
            most.as_secs_f64()
        )),
        _ => None,
    }
}
