//! Why the feed cannot give what was asked for.

use sea_orm::DbErr;
use seachange_changelog::internal::Unknown;
use seachange_changelog::internal::reader::ReadError;
use seachange_changelog::{ImageError, Refused, is_transient, is_unavailable};

use super::cursor::{Cursor, CursorError};

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
    /// The log has no changes of such a table or row: the name of a table is wrong, or a key is not one of the
    /// table's.
    #[error("{0}")]
    Unknown(Unknown),
    /// The log does not have the values of this column, which is redacted or excluded, so its rows are no models.
    /// [`Feed::partial_changes`](super::Feed::partial_changes) gives what there is.
    #[error("the log has no values of `{table}`.`{column}`: ask for partial changes")]
    Hidden {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A change has no model: the table had another shape, or a value does not fit. Reading goes on after it.
    #[error("the change at {cursor} is not a row of the entity: {source}")]
    Unreadable {
        /// Where the change is.
        cursor: Cursor,
        /// What is wrong, with the column.
        source: ImageError,
    },
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

impl From<Unknown> for FeedError {
    fn from(error: Unknown) -> Self {
        match error {
            Unknown::Database(error) => Self::Database(error),
            unknown => Self::Unknown(unknown),
        }
    }
}

impl From<CursorError> for FeedError {
    fn from(_: CursorError) -> Self {
        Self::CursorInvalid
    }
}
