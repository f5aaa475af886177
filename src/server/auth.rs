//! Authentication: who the caller of a request is, by an [`Authenticator`], or nobody in open mode.
//!
//! Guarantees: in a server that is not open, no request passes that its authenticator has not admitted, nor one
//! of a caller whose time is over; no secret is ever printed.

mod authenticator;
mod credentials;
mod host;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::graphql::Caller;
pub use authenticator::{AuthError, Authenticator};
pub use credentials::Credentials;
pub use token::BadPublicKey;

use host::Host;
use token::TokenKey;

/// How callers are authenticated. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Mode);

#[derive(Clone)]
enum Mode {
    Open,
    By(Arc<dyn Authenticator>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Mode::Open => "Auth::open",
            Mode::By(_) => "Auth::by",
        })
    }
}

impl Auth {
    /// Not at all: every caller is anonymous and tokens are ignored. Use it only where nobody else can reach
    /// the server, as on a loopback address; browsers' requests from other sites are refused by their `Origin`
    /// and `Host`, unless they are allowed.
    #[must_use]
    pub fn open() -> Self {
        Self(Mode::Open)
    }

    /// By JSON Web Tokens (HS256) signed with `secret`; the caller is the token's `sub`. An empty secret
    /// refuses every token.
    #[must_use]
    pub fn hs256(secret: &str) -> Self {
        Self::by(TokenKey::hs256(secret))
    }

    /// By JSON Web Tokens signed with the private key that belongs to this public one, a PEM text; the caller
    /// is the token's `sub`. The kind of key determines the only algorithm that is accepted: RS256, ES256 or
    /// EdDSA.
    ///
    /// # Errors
    /// [`BadPublicKey`].
    pub fn public_key(pem: &str) -> Result<Self, BadPublicKey> {
        Ok(Self::by(TokenKey::public(pem)?))
    }

    /// By the host's own middleware, which puts a [`Caller`] into the extensions of each request. A request
    /// without one is refused. A socket has the caller of its upgrade request.
    #[must_use]
    pub fn host() -> Self {
        Self::by(Host)
    }

    /// By an authenticator.
    #[must_use]
    pub fn by(authenticator: impl Authenticator) -> Self {
        Self(Mode::By(Arc::new(authenticator)))
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.0, Mode::Open)
    }

    /// Whether a browser sends what authenticates a caller with any page's requests.
    pub(crate) fn is_sent_by_browsers(&self) -> bool {
        match &self.0 {
            Mode::Open => true,
            Mode::By(authenticator) => authenticator.is_sent_by_browsers(),
        }
    }

    /// The caller. The idempotency key is not set.
    ///
    /// # Errors
    /// [`AuthError`]; `Unavailable` if the authenticator takes longer than `patience`.
    pub(super) async fn caller(
        &self,
        credentials: Credentials<'_>,
        patience: Duration,
    ) -> Result<Caller, AuthError> {
        let Mode::By(authenticator) = &self.0 else {
            return Ok(Caller::anonymous());
        };
        let asking = authenticator.authenticate(&credentials);
        let caller = match tokio::time::timeout(patience, asking).await {
            Ok(caller) => caller?,
            Err(_) => return Err(AuthError::Unavailable),
        };
        if !caller.has_valid_name() {
            return Err(AuthError::Invalid);
        }
        if caller.has_expired() {
            return Err(AuthError::Expired);
        }
        Ok(caller)
    }
}

#[cfg(test)]
mod tests;
