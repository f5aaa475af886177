//! The idempotency key of a request.

use seachange_changelog::internal::request::Claim;
use serde_json::{Value as Json, json};

use super::hash::hash_of;

/// A request that has a key.
pub(crate) struct Keyed {
    actor: Option<String>,
    key: String,
    /// A hash of the request.
    request: String,
}

impl Keyed {
    /// A request under a key of an actor. `asked` distinguishes it from other requests.
    pub(crate) fn new(actor: Option<String>, key: String, asked: &Json) -> Self {
        Self {
            actor,
            key,
            request: hash_of(asked),
        }
    }

    /// The key, as it was given.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The claim of the part of the request with this name.
    pub(crate) fn claim(&self, part: &str) -> Claim {
        Claim {
            id: hash_of(&json!([self.actor, self.key])),
            answer_id: hash_of(&json!([self.actor, self.key, part])),
            request: self.request.clone(),
        }
    }
}
