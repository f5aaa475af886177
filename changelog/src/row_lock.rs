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

/// What rows are locked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLock {
    /// For an update. On PostgreSQL one that changes a column by which a foreign key finds the row takes
    /// the stronger lock by itself when it runs; two that do so about each other's rows end in a deadlock,
    /// which is tried again.
    Update,
    /// For a delete. PostgreSQL gets at once the lock that the delete takes, so that it need not be made
    /// stronger while others wait for it.
    Delete,
}

impl RowLock {
    fn strength(self, backend: DbBackend) -> Option<LockType> {
        match (backend, self) {
            (DbBackend::Sqlite, _) => None,
            (DbBackend::Postgres, Self::Update) => Some(LockType::NoKeyUpdate),
            _ => Some(LockType::Update),
        }
    }

    /// The same at the end of an SQL text: nothing, or a clause that begins with a space.
    pub(crate) fn clause(self, backend: DbBackend) -> &'static str {
        match self.strength(backend) {
            Some(LockType::NoKeyUpdate) => " FOR NO KEY UPDATE",
            Some(_) => " FOR UPDATE",
            None => "",
        }
    }
}

/// Locks the rows that a query finds until the transaction ends.
pub fn lock_rows<Q: QuerySelect>(query: Q, lock: RowLock, backend: DbBackend) -> Q {
    match lock.strength(backend) {
        Some(strength) => query.lock(strength),
        None => query,
    }
}
