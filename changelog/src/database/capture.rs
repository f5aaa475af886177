//! The words that capture and dialects share.

use sea_orm::Value;

/// Who writes the log of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The entity's hooks, by this version of the table's shape.
    Hooks(i32),
    /// Triggers. `in_force`: the table has them, and none is switched off.
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
    /// The log's word for what was done.
    pub operation: &'a str,
    /// The transaction's id in the log.
    pub transaction_id: &'a str,
}

/// On whose behalf a transaction writes: the texts that triggers are sent.
#[derive(Clone, Debug)]
pub struct ContextTexts {
    /// Who acts.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// JSON text.
    pub metadata: Option<String>,
    /// The transaction's id in the log.
    pub transaction_id: String,
}

impl ContextTexts {
    /// The texts as values: who acts, the mutation, the metadata, the transaction.
    pub(super) fn values(self) -> Vec<Value> {
        let texts = [self.actor, self.mutation_id, self.metadata];
        let texts = texts.into_iter().map(Value::from);
        texts.chain([self.transaction_id.into()]).collect()
    }
}

/// What an error left of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    Alive,
    /// This level can only be rolled back; an outer one goes on after that.
    Failed,
    /// All of it is gone, and an empty one without savepoints has been opened in its place.
    Ended,
}

/// Something by which rows change where no trigger fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// A foreign key's action, along with rows of this table.
    Cascade(String),
    /// Partitions can be emptied.
    Partitions,
}
