//! How rows are locked before they are written: one place, because databases differ in it.
//!
//! PostgreSQL has four strengths. A row that other rows refer to is share-locked by each open transaction
//! that has inserted one of those (`FOR KEY SHARE`), and only a lock that lets the key change or the row
//! go waits for them. An update that leaves the key alone does not, and so does not lock as if it did.
//!
//! MariaDB has one strength. There a foreign key's check takes a shared lock of the parent's row, and
//! every write of the parent waits for it; nothing can be done about that.
//!
//! SQLite has no row locks: a write transaction has the database to itself.

use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QuerySelect};

pub use crate::database::RowLock;
use crate::database::{self, Dialect};

/// The lock at the end of an SQL text: nothing, or a clause that begins with a space.
pub(crate) fn clause(lock: RowLock, dialect: &dyn Dialect) -> &'static str {
    match dialect.row_lock(lock) {
        Some(LockType::NoKeyUpdate) => " FOR NO KEY UPDATE",
        Some(_) => " FOR UPDATE",
        None => "",
    }
}

/// Locks the rows that a query finds until the transaction ends.
pub fn lock_rows<Q: QuerySelect>(query: Q, lock: RowLock, backend: DbBackend) -> Q {
    match database::on(backend).row_lock(lock) {
        Some(strength) => query.lock(strength),
        None => query,
    }
}
