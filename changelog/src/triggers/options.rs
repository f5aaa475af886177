//! The options of a table's triggers.

use std::collections::BTreeSet;

/// The columns that the log must not show. Key columns must be shown.
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

    /// Replaces the column's values with `"[redacted]"`; that it changed is still recorded.
    #[must_use]
    pub fn redact(mut self, column: impl Into<String>) -> Self {
        self.redacted.insert(column.into());
        self
    }

    /// Leaves the column out of all images; a write that changes nothing else is not recorded.
    #[must_use]
    pub fn exclude(mut self, column: impl Into<String>) -> Self {
        self.left_out.insert(column.into());
        self
    }
}
