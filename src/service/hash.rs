//! Hashes of JSON, as hexadecimal text.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// The hash; objects are hashed with their keys sorted.
pub(super) fn hash_of(what: &Json) -> String {
    let digest = Sha256::digest(what.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the text has the form of such a hash. A mutation's id that has it was pushed.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
