//! Why a database cannot be served.

use sea_orm::DbErr;

/// Why a database cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The server is a replica, which cannot know which transactions are still in progress, or is read-only.
    #[error("the database is a replica or read-only; cure: use the primary, or a file to write to")]
    ReadOnly,
    /// The role may not write a table, and making changes readable takes writes.
    #[error("the database role may not write {table}; cure: grant it {rights} there")]
    NoRights {
        /// The table.
        table: &'static str,
        /// All rights that the role needs on it.
        rights: &'static str,
    },
    /// The server is part of a cluster in which ids given by several servers have no common order.
    #[error("a Galera cluster has no order of commits to follow; cure: use one server")]
    Galera,
    /// The database has not been migrated.
    #[error("the database has no change log; cure: run `migrate up`")]
    NoLog,
    /// Any other error of the database.
    #[error(transparent)]
    Database(#[from] DbErr),
}
