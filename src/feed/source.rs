//! How the log is read in order: the seam between the feed and what databases can promise.
//!
//! A source guarantees that a position once passed stays passed: it never later hands out a change
//! at or before a position it has handed out.

mod by_id;

pub(crate) use by_id::ById;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IsolationLevel, TransactionTrait,
};
use seachange_changelog::epoch;

use super::cursor::{Epoch, Position};
use super::error::FeedError;
use super::selection::{Page, Selection};

/// A reader of one database's log.
#[async_trait::async_trait]
pub(crate) trait Source: Send + Sync + 'static {
    /// The newest position that may be handed out.
    async fn head(&self) -> Result<Position, DbErr>;

    /// The newest position inside a transaction's snapshot.
    async fn head_in(&self, tx: &DatabaseTransaction) -> Result<Position, DbErr>;

    /// Up to `limit` wanted changes after `after`, in order.
    async fn read(&self, after: Position, wanted: &Selection, limit: u64) -> Result<Page, DbErr>;
}

/// The log's epoch.
///
/// # Errors
/// [`FeedError::NoLog`] if the database has not been migrated.
pub(crate) async fn epoch<C: ConnectionTrait>(db: &C) -> Result<Epoch, FeedError> {
    let row = epoch::Entity::find_by_id(1).one(db).await?;
    let row = row.ok_or(FeedError::NoLog)?;
    row.epoch.parse().map_err(|_| FeedError::NoLog)
}

/// The source for this database.
pub(crate) fn open(db: DatabaseConnection) -> Box<dyn Source> {
    Box::new(ById::new(db))
}

/// Begins a transaction whose reads all see one moment.
pub(crate) async fn begin_snapshot(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match db.get_database_backend() {
        // A read transaction of SQLite is a snapshot from its first read on.
        DbBackend::Sqlite => db.begin().await,
        _ => {
            db.begin_with_config(
                Some(IsolationLevel::RepeatableRead),
                Some(AccessMode::ReadOnly),
            )
            .await
        }
    }
}
