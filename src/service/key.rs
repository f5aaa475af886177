//! The idempotency key of a request.

use seachange_changelog::request::Claim;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

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
            request: hash(asked),
        }
    }

    /// The key, as it was given.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The claim of the part of the request with this name.
    pub(crate) fn claim(&self, part: &str) -> Claim {
        Claim {
            id: hash(&json!([self.actor, self.key])),
            answer_id: hash(&json!([self.actor, self.key, part])),
            request: self.request.clone(),
        }
    }
}

fn hash(what: &Json) -> String {
    let digest = Sha256::digest(what.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
