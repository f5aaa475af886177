//! Why a database cannot be served.

use sea_orm::DbErr;

/// Why a database cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// A replica cannot tell which transactions are still under way.
    #[error("the database is a replica or read-only; cure: use the primary, or a file to write to")]
    ReadOnly,
    /// Making changes readable takes writes.
    #[error("the database role may not write {table}; cure: grant it {rights} there")]
    NoRights {
        /// Where.
        table: &'static str,
        /// All that it needs to write there.
        rights: &'static str,
    },
    /// Ids of several writing servers are in no common order.
    #[error("a Galera cluster has no order of commits to follow; cure: use one server")]
    Galera,
    /// The database has not been migrated.
    #[error("the database has no change log; cure: run `migrate up`")]
    NoLog,
    /// What the database says.
    #[error(transparent)]
    Database(#[from] DbErr),
}
