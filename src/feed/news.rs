//! What the tail hands out to those who follow live.

use std::sync::Arc;

use seachange_changelog::reader::{Change, Position};

use super::error::FeedError;

/// New changes, as the tail hands them out: all there are in `(from, to]`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) from: Position,
    pub(super) to: Position,
    pub(super) changes: Vec<Arc<Change>>,
}

/// What the tail says to all who listen: new changes, or why there cannot be any until somebody mends it.
pub(super) type News = Result<Arc<Batch>, FeedError>;
