//! Where a reader of the feed begins.

use super::cursor::Cursor;

/// Where a reader begins.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Start {
    /// With the next change committed.
    Now,
    /// With the oldest change kept.
    Oldest,
    /// With the first change after the cursor.
    After(Cursor),
}
