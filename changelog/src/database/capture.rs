//! The types that capture and dialects share.

use sea_orm::Value;

/// Who writes the log of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The entity's hooks, with this version of the table's shape.
    Hooks(i32),
    /// Triggers. `in_force` means that the table has them and none is switched off.
    Triggers {
        /// Whether they recorded the write.
        in_force: bool,
    },
}

/// A write of a table that has just run.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The table.
    pub table: &'a str,
    /// The log's word for the operation.
    pub operation: &'a str,
    /// The transaction's id in the log.
    pub transaction_id: &'a str,
}

/// The context in which a transaction writes, as the texts that are sent to triggers.
#[derive(Clone, Debug)]
pub struct ContextTexts {
    /// The actor.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// JSON text.
    pub metadata: Option<String>,
    /// The transaction's id in the log.
    pub transaction_id: String,
}

impl ContextTexts {
    /// The texts as values: actor, mutation id, metadata, transaction id.
    pub(super) fn values(self) -> Vec<Value> {
        let texts = [self.actor, self.mutation_id, self.metadata];
        let texts = texts.into_iter().map(Value::from);
        texts.chain([self.transaction_id.into()]).collect()
    }
}

/// The state in which an error left a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The transaction continues.
    Alive,
    /// This level can only be rolled back; after that an outer one continues.
    Failed,
    /// The whole transaction is gone, and an empty one without savepoints has been opened in its place.
    Ended,
}

/// A way in which rows change without firing a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// A foreign key's action, together with rows of this table.
    Cascade(String),
    /// Partitions can be emptied.
    Partitions,
}
