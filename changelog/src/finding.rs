//! What an examination has found: a kind, where, what is wrong, and what to do about it.
//!
//! This module only says what a finding is. What is looked for is in [`doctor`](crate::doctor) and
//! [`triggers`](crate::triggers).

use std::fmt;

use serde::Serialize;

/// The kind of a finding. A word never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingCode {
    /// A table of the log is missing.
    LogMissing,
    /// A table of the log has an older shape.
    LogOutdated,
    /// The log has a format that only later versions know.
    LogNewer,
    /// The role may not write a table of the log.
    RightsMissing,
    /// The database takes no writes, or has no order of commits.
    Unservable,
    /// The log has no epoch.
    EpochMissing,
    /// The log was written on another server.
    EpochElsewhere,
    /// A trigger is missing.
    TriggerMissing,
    /// A trigger is switched off.
    TriggerDisabled,
    /// A trigger differs from the one that this version creates.
    TriggerDifferent,
    /// The table has changed without its triggers.
    TriggerOutdated,
    /// A table recorded by hooks has changed without `change_tables`, so the log does not know which columns
    /// were renamed.
    TableReshaped,
    /// Triggers show columns that the `track!` line hides.
    ColumnShown,
    /// A switch between hooks and triggers is unfinished.
    CaptureUnfinished,
    /// A foreign key's action changes the table unrecorded.
    Cascade,
    /// Rows can be removed with their partition, unrecorded.
    Partitioned,
    /// A tracked table is missing.
    TableMissing,
    /// A table has changes in the log, and nothing records it any more.
    TableUntracked,
    /// A column of the entity is not in the table.
    ColumnMissing,
    /// A column of the table is not in the entity.
    ColumnUnknown,
    /// A column's texts are compared by rules that only the database knows.
    CollationUndecided,
    /// A column of SQLite has times in several spellings.
    TimesMixed,
    /// The database fills a column, but the `track!` line does not declare it.
    ColumnComputed,
    /// A row has a value that its entity cannot hold.
    ValueUnfit,
    /// No process is running a consumer.
    ConsumerUnheld,
    /// A consumer is paused.
    ConsumerPaused,
    /// Changes that a consumer has not handled yet are no longer retained.
    ConsumerExpired,
    /// A consumer's checkpoint belongs to another log.
    ConsumerAstray,
}

/// A defect, and its cure. `Display` joins the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind.
    pub code: FindingCode,
    /// The table that has it.
    pub table: String,
    /// The triggers, columns or other tables that it is about, where it is about some. They are named in the
    /// message, too.
    #[serde(skip)]
    pub names: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; `fix` in JSON.
    #[serde(rename = "fix")]
    pub cure: String,
}

impl Finding {
    /// A finding about a table.
    pub fn new(
        code: FindingCode,
        table: impl Into<String>,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            code,
            table: table.into(),
            names: Vec::new(),
            message: message.into(),
            cure: cure.into(),
        }
    }

    /// Names what it is about within the table.
    #[must_use]
    pub(crate) fn about(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.names.extend(names);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; cure: {}", self.message, self.cure)
    }
}
