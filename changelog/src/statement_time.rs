//! Limits how long a statement may run, where the database supports that.

use std::time::Duration;

use sea_orm::DbBackend;

use crate::database;

/// The statement that bounds how long each later statement of the session may run; `None` on SQLite, which
/// has no such bound: a statement there can only be interrupted from outside, by the caller that measures the
/// time.
pub fn limit_statements(backend: DbBackend, most: Duration) -> Option<String> {
    database::on(backend).limit_statements(most)
}
