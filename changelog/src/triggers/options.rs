//! What an adopter may ask of a table's triggers.

use std::collections::BTreeSet;

/// Columns that the log shall not show. Key columns must be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriggerOptions {
    pub(crate) redacted: BTreeSet<String>,
    pub(crate) left_out: BTreeSet<String>,
}

impl TriggerOptions {
    /// Every column is shown.
    pub fn new() -> Self {
        Self::default()
    }

    /// The column's values become `"[redacted]"`; that it changed is told.
    #[must_use]
    pub fn redact(mut self, column: impl Into<String>) -> Self {
        self.redacted.insert(column.into());
        self
    }

    /// The column is in no image; a write that changes nothing else is not recorded.
    #[must_use]
    pub fn exclude(mut self, column: impl Into<String>) -> Self {
        self.left_out.insert(column.into());
        self
    }
}
