//! The rights that a role needs on PostgreSQL.

use super::{Dialect, Postgres, Session};
use crate::database::Refused;
use crate::database::session::flag;

/// The tables that a server writes, and the rights that it needs for that.
const RIGHTS: [(&str, &str, &str); 4] = [
    ("change_log", "INSERT", "SELECT and INSERT"),
    (
        "change_tick",
        "INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "change_epoch",
        "INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "change_request",
        "SELECT,INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
];

/// See [`Dialect::check_rights`].
pub(super) async fn check(db: &dyn Session) -> Result<(), Refused> {
    for (table, needed, rights) in RIGHTS {
        for right in needed.split(',') {
            let sql = format!("SELECT has_table_privilege('{table}', '{right}')");
            if !flag(db, Postgres.statement(&sql, Vec::new())).await? {
                return Err(Refused::NoRights { table, rights });
            }
        }
    }
    Ok(())
}
