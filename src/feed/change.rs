//! One change as the feed hands it out.

use seachange_changelog::log;

use super::cursor::{Cursor, Epoch, Position};

/// A row of the log at its place in the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub(crate) position: Position,
    /// The logged row.
    pub row: log::Model,
}

impl Change {
    /// What a client passes back to continue after this change.
    pub fn cursor(&self, epoch: &Epoch) -> Cursor {
        Cursor {
            epoch: epoch.clone(),
            position: self.position,
        }
    }

    /// Names of the columns that differ; of an insert or delete, all columns. Sorted.
    pub fn changed_fields(&self) -> Vec<String> {
        let before = self.row.before.as_ref().and_then(|image| image.as_object());
        let after = self.row.after.as_ref().and_then(|image| image.as_object());
        match (before, after) {
            (Some(before), Some(after)) => seachange_changelog::image::differing(before, after),
            (Some(only), None) | (None, Some(only)) => {
                let mut names: Vec<String> = only.keys().cloned().collect();
                names.sort_unstable();
                names
            }
            (None, None) => Vec::new(),
        }
    }
}
