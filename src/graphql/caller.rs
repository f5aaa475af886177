//! Who sends a request, and under which idempotency key.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::feed::Cursor;

/// Who sends a request. Whoever authenticates requests makes it; resolvers find it in their context's data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    pub(crate) actor: Option<String>,
    pub(crate) expires_at: Option<SystemTime>,
    /// The client's idempotency key, if any.
    pub(crate) idempotency_key: Option<String>,
    /// The position at which the caller's socket was accepted.
    pub(crate) since: Option<Cursor>,
}

impl Caller {
    /// A caller with a name, which is recorded with each change as its actor.
    pub fn new(actor: impl Into<String>) -> Self {
        Self {
            actor: Some(actor.into()),
            ..Self::default()
        }
    }

    /// A caller of whom nothing is known.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The same caller until a time, at which its sockets are closed with 4403 and its event streams end.
    #[must_use]
    pub fn until(mut self, expires_at: SystemTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// The name under which changes are recorded; `None` for an anonymous caller.
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// The idempotency key that the client sent with the request, if any.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Whether changes can be recorded under the caller's name. A NUL character is in no name, and PostgreSQL
    /// stores none: each write of such a caller would fail, however often it is tried.
    pub(crate) fn has_valid_name(&self) -> bool {
        let actor = self.actor.as_deref();
        actor.is_none_or(|actor| !actor.is_empty() && !actor.contains('\0'))
    }

    /// Whether the caller's time is over.
    pub(crate) fn has_expired(&self) -> bool {
        self.expires_at
            .is_some_and(|expires_at| expires_at <= SystemTime::now())
    }

    /// When the caller's time is over; `None` if it never is, or after everything that the clock can express.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let left = self.expires_at?.duration_since(SystemTime::now());
        Instant::now().checked_add(left.unwrap_or_default())
    }
}
