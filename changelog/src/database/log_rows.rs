//! Many rows of the log as one statement adds them, and how its columns are read.
//!
//! Most of what a row of the log holds is the same for all changes of a statement and is given once; only the
//! key and images are given for each row. The rows' order is kept.
//!
//! JSON travels as text, as in [`insertion`](crate::log::insertion).

use sea_orm::Value;

/// What all rows of a statement share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The table.
    pub entity: String,
    /// The log's word for the operation.
    pub operation: &'static str,
    /// The actor.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// JSON text.
    pub metadata: Option<String>,
    /// The same for all changes committed together.
    pub transaction_id: String,
    /// The word for how the change was captured.
    pub source: &'static str,
    /// Which shape of the table the images have.
    pub schema_version: i32,
    /// When it was recorded.
    pub recorded_at: chrono::DateTime<chrono::Utc>,
}

/// What differs between the rows, as JSON texts.
#[derive(Clone, Debug)]
pub struct Row {
    /// The key.
    pub row_key: String,
    /// The image before.
    pub before: Option<String>,
    /// The image after.
    pub after: Option<String>,
}

impl Row {
    /// Length of the texts.
    pub(crate) fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.row_key.len() + length(&self.before) + length(&self.after)
    }

    /// The values in the order of the columns.
    pub(super) fn values(self) -> [Value; 3] {
        [self.row_key.into(), self.before.into(), self.after.into()]
    }
}

/// Columns in the order of the values below. `before` and `after` follow them, quoted where the database
/// would not take them for names.
pub(super) const COLUMNS: &str = "(entity, operation, actor, mutation_id, metadata, transaction_id, source, \
    schema_version, recorded_at, row_key, ";

/// How many values the rows share.
pub(super) const SHARED: usize = 9;

impl Shared {
    /// The values in the order of the columns.
    pub(super) fn values(self) -> [Value; SHARED] {
        [
            self.entity.into(),
            self.operation.into(),
            self.actor.into(),
            self.mutation_id.into(),
            self.metadata.into(),
            self.transaction_id.into(),
            self.source.into(),
            self.schema_version.into(),
            self.recorded_at.into(),
        ]
    }
}

/// How a column of the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAs {
    /// JSON, which is not parsed on the way.
    Json,
    /// A text that another program has chosen.
    Free,
    /// A value that is read as it is.
    Plain,
}
