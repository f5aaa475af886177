//! What the tail hands out to live subscribers.

use std::sync::Arc;

use seachange_changelog::internal::reader::{Change, Position};

use super::error::FeedError;

/// New changes, as the tail hands them out: all that lie in `(from, to]`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) from: Position,
    pub(super) to: Position,
    pub(super) changes: Vec<Arc<Change>>,
}

/// What the tail sends to all listeners: new changes, or why none can follow until an operator repairs the log.
pub(super) type News = Result<Arc<Batch>, FeedError>;
