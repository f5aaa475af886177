//! How rows are locked before they are written. This is in one place because databases differ in it.
//!
//! PostgreSQL has four strengths. Each open transaction that has inserted a row which refers to another holds
//! a share lock on that other row (`FOR KEY SHARE`). Only a lock for changing its key or deleting it waits
//! for them. An update that keeps the key need not wait, and so does not take that lock.
//!
//! MariaDB has one strength. There a foreign key's check takes a shared lock on the parent's row, and every
//! write of the parent waits for it; this cannot be avoided.
//!
//! SQLite has no row locks: a write transaction has the database to itself.

use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QuerySelect};

pub use crate::database::RowLock;
use crate::database::{self, Dialect};

/// The lock clause at the end of an SQL text: empty, or beginning with a space.
pub(crate) fn clause(lock: RowLock, dialect: &dyn Dialect) -> &'static str {
    match dialect.row_lock(lock) {
        Some(LockType::NoKeyUpdate) => " FOR NO KEY UPDATE",
        Some(_) => " FOR UPDATE",
        None => "",
    }
}

/// Locks the rows that a query finds, until the transaction ends.
pub fn lock_rows<Q: QuerySelect>(query: Q, lock: RowLock, backend: DbBackend) -> Q {
    match database::on(backend).row_lock(lock) {
        Some(strength) => query.lock(strength),
        None => query,
    }
}
