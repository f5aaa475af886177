//! The rights that a role needs on MariaDB.

use super::{Dialect, MariaDb, Session};
use crate::database::session::flag;
use crate::database::{Refused, mariadb_number};

/// Statements that touch no row but take the rights that a server needs: the database checks rights before it
/// runs them.
const TOUCHES_NOTHING: [(&str, &str, &str); 8] = [
    (
        "INSERT INTO change_log SELECT * FROM change_log WHERE 1 = 0",
        "change_log",
        "SELECT and INSERT",
    ),
    (
        "INSERT INTO change_inbox SELECT * FROM change_inbox WHERE 1 = 0",
        "change_inbox",
        "SELECT, INSERT and DELETE",
    ),
    (
        "DELETE FROM change_inbox WHERE 1 = 0",
        "change_inbox",
        "SELECT, INSERT and DELETE",
    ),
    (
        "SELECT 1 FROM change_epoch WHERE 1 = 0",
        "change_epoch",
        "SELECT and UPDATE",
    ),
    (
        "UPDATE change_epoch SET horizon = 0 WHERE 1 = 0",
        "change_epoch",
        "SELECT and UPDATE",
    ),
    (
        "INSERT INTO change_request SELECT * FROM change_request WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "UPDATE change_request SET request = '' WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "DELETE FROM change_request WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
];

/// See [`Dialect::check_rights`].
pub(super) async fn check(db: &dyn Session) -> Result<(), Refused> {
    let galera = "SELECT COUNT(*) > 0 FROM information_schema.GLOBAL_STATUS
        WHERE VARIABLE_NAME = 'WSREP_CLUSTER_SIZE' AND VARIABLE_VALUE > 0";
    if flag(db, MariaDb.statement(galera, Vec::new())).await? {
        return Err(Refused::Galera);
    }
    for (sql, table, rights) in TOUCHES_NOTHING {
        match db.run_text(sql).await {
            // The error says that a right on the table, or on a column of it, is missing.
            Err(error) if matches!(mariadb_number(&error), Some(1142 | 1143)) => {
                return Err(Refused::NoRights { table, rights });
            }
            Err(error) if matches!(mariadb_number(&error), Some(1290 | 1792 | 1836)) => {
                return Err(Refused::ReadOnly);
            }
            done => done?,
        };
    }
    Ok(())
}
