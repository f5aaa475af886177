//! A change and its position.

use super::position::Position;
use crate::image;
use crate::log;

/// A row of the log with its position in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The position.
    pub position: Position,
    /// The logged row.
    pub row: log::Model,
}

impl Change {
    /// The sorted names of the columns that differ; for an insert or delete, of all columns.
    pub fn changed_fields(&self) -> Vec<String> {
        let before = self.row.before.as_ref().and_then(|image| image.as_object());
        let after = self.row.after.as_ref().and_then(|image| image.as_object());
        match (before, after) {
            (Some(before), Some(after)) => image::differing(before, after),
            (Some(only), None) | (None, Some(only)) => {
                let mut names: Vec<String> = only.keys().cloned().collect();
                names.sort_unstable();
                names
            }
            (None, None) => Vec::new(),
        }
    }
}
