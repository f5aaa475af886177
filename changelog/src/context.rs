//! Who writes, and why: what a transaction's changes carry besides the rows.
//!
//! A context travels with the connection it was put on and is copied into each transaction when
//! that begins. It is a plain value: no task-local and nothing on the pooled database connection
//! holds it, so it survives `tokio::spawn` and cannot leak to the next user of the pool.

use serde_json::{Map, Value};

/// The origin of a transaction's changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Who acts, e.g. the `sub` of a token; `None` for the system itself.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// Free facts about the transaction, stored with each of its changes.
    pub metadata: Option<Map<String, Value>>,
}

impl Context {
    /// A context that only says who acts.
    pub fn actor(actor: impl Into<String>) -> Self {
        Self {
            actor: Some(actor.into()),
            ..Self::default()
        }
    }
}
