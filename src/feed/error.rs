//! Why the feed cannot give what was asked for.

use sea_orm::DbErr;
use seachange_changelog::internal::reader::ReadError;
use seachange_changelog::{Refused, is_transient, is_unavailable};

use super::cursor::CursorError;

/// A failed read of the feed. No variant loses a change: the reader still has its cursor.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The text is not a cursor.
    #[error("the cursor is not one of this server's")]
    CursorInvalid,
    /// The cursor belongs to another log, or lies ahead of this one.
    #[error("the cursor belongs to another log: read the data again, then continue from there")]
    ResyncRequired,
    /// Retention has removed changes after the cursor.
    #[error("the log no longer reaches back to the cursor: read the data again, then continue")]
    CursorExpired,
    /// The log could not be read. Readers wait while the database is unavailable. They end with this where a
    /// retry cannot help: a row that cannot be decoded, a missing table.
    #[error("the change log cannot be read: {0}")]
    Database(#[from] DbErr),
    /// The database cannot be followed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many snapshots are open; try again later.
    #[error("too many readers are starting at once; try again")]
    Busy,
    /// The feed has been shut down.
    #[error("the feed has ended")]
    Ended,
}

impl FeedError {
    /// Whether a retry may succeed by itself: the database is unavailable or busy, or there are too many
    /// readers.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => is_transient(error) || is_unavailable(error),
            Self::Busy => true,
            _ => false,
        }
    }
}

impl From<ReadError> for FeedError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Expired => Self::CursorExpired,
            ReadError::Replaced => Self::ResyncRequired,
            ReadError::Database(error) => Self::Database(error),
        }
    }
}

impl From<CursorError> for FeedError {
    fn from(_: CursorError) -> Self {
        Self::CursorInvalid
    }
}
