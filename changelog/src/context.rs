//! Who writes, and why: what a transaction's changes carry in addition to the rows.
//!
//! A context belongs to the connection on which it was set, and is copied into each transaction when that
//! begins. It is a plain value: neither a task-local nor the pooled database connection holds it, so it
//! survives `tokio::spawn` and cannot leak to the next user of the pool.

use serde_json::{Map, Value};

use crate::database::ContextTexts;

/// The origin of a transaction's changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// The actor, e.g. the `sub` of a token; `None` for the system itself.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// Arbitrary facts about the transaction, stored with each of its changes.
    pub metadata: Option<Map<String, Value>>,
}

impl Context {
    /// A context that has only an actor.
    pub fn actor(actor: impl Into<String>) -> Self {
        Self {
            actor: Some(actor.into()),
            ..Self::default()
        }
    }

    /// Whether it says who writes.
    pub(crate) fn has_actor(&self) -> bool {
        self.actor.as_ref().is_some_and(|actor| !actor.is_empty())
    }

    /// What triggers are sent of it.
    pub(crate) fn texts(&self, transaction_id: &str) -> ContextTexts {
        let metadata = self.metadata.clone().map(Value::Object);
        ContextTexts {
            actor: self.actor.clone(),
            mutation_id: self.mutation_id.clone(),
            metadata: metadata.map(|metadata| metadata.to_string()),
            transaction_id: transaction_id.to_owned(),
        }
    }
}
