//! A page of the feed.

use seachange_changelog::internal::reader::{self, Change};

use super::cursor::{Cursor, Epoch};

/// Some changes in order, all of one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The log's epoch.
    pub epoch: Epoch,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Everything up to here has been looked at, whether wanted or not. Continue after it.
    pub end: Cursor,
    /// Whether there may be more after `end`.
    pub has_more: bool,
}

impl Page {
    /// The cursor of one of the changes.
    pub fn cursor_of(&self, change: &Change) -> Cursor {
        Cursor::at(&self.epoch, change.position)
    }

    pub(super) fn new(epoch: &Epoch, page: reader::Page) -> Self {
        Self {
            epoch: epoch.clone(),
            changes: page.changes,
            end: Cursor::at(epoch, page.end),
            has_more: page.has_more,
        }
    }
}
