//! Who sends a request, and under which idempotency key.

use crate::feed::Cursor;

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// The token's `sub`; `None` in open mode.
    pub actor: Option<String>,
    /// The client's idempotency key, if any.
    pub idempotency_key: Option<String>,
    /// The position at which the caller's socket was accepted.
    pub since: Option<Cursor>,
}
