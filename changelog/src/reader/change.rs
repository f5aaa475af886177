//! One change at its place.

use super::position::Position;
use crate::image;
use crate::log;

/// A row of the log at its place in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands.
    pub position: Position,
    /// The logged row.
    pub row: log::Model,
}

impl Change {
    /// Names of the columns that differ; of an insert or delete, all columns. Sorted.
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
