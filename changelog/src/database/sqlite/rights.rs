//! What a program needs on SQLite: a file that it can write.

use super::Session;
use crate::database::errors::sqlite_code;
use crate::database::{Refused, database_error};

/// See [`Dialect::check_rights`](crate::database::Dialect::check_rights). The file may be read-only.
pub(super) async fn check(db: &dyn Session) -> Result<(), Refused> {
    let touch = "UPDATE change_epoch SET horizon = 0 WHERE 1 = 0";
    let Err(error) = db.run_text(touch).await else {
        return Ok(());
    };
    // 8 means read-only; 5 means busy, from which nothing follows.
    match database_error(&error).and_then(sqlite_code) {
        Some(8) => Err(Refused::ReadOnly),
        Some(5) => Ok(()),
        _ => Err(error.into()),
    }
}
