//! Authentication: the caller is a bearer token's `sub`, or anonymous in open mode.
//!
//! Guarantees: with a key, no request passes without a token that this key signed and that is valid now; the
//! server chooses the algorithm, never the token; no secret is ever printed.

mod key;

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::graphql::Caller;
pub use key::{BadPublicKey, TokenKey};

/// How callers are authenticated.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Not at all: every caller is anonymous and tokens are ignored. Use it only on a loopback address;
    /// browsers' requests from other sites are refused by their `Origin` and `Host`, unless they are allowed.
    Open,
    /// By a JWT that this key accepts.
    Token(TokenKey),
}

/// An admitted caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Admitted {
    pub(super) caller: Caller,
    /// When the token expires; `None` if it never does.
    pub(super) until: Option<Instant>,
}

/// The reason why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unauthenticated {
    #[error("a bearer token is required")]
    Missing,
    #[error("the authorization is not one bearer token")]
    NoBearer,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token is not valid")]
    Invalid,
}

impl Auth {
    /// No authentication.
    #[must_use]
    pub fn open() -> Self {
        Self::Open
    }

    /// Tokens signed with `secret`. An empty secret refuses every token.
    #[must_use]
    pub fn hs256(secret: &str) -> Self {
        Self::Token(TokenKey::hs256(secret))
    }

    /// Tokens signed with the private key that belongs to this public one, a PEM text.
    ///
    /// # Errors
    /// [`BadPublicKey`].
    pub fn public_key(pem: &str) -> Result<Self, BadPublicKey> {
        Ok(Self::Token(TokenKey::public(pem)?))
    }

    /// The caller of an HTTP request, by its `Authorization` header. The idempotency key is not set.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Admitted, Unauthenticated> {
        match self {
            Self::Open => Ok(Admitted::default()),
            Self::Token(key) => key.admit(of_headers(headers)?),
        }
    }

    /// The caller of a socket, by the payload of `connection_init`, or otherwise by the header of the upgrade
    /// request.
    pub(super) fn caller_of_socket(
        &self,
        headers: &HeaderMap,
        payload: Option<&Map<String, Value>>,
    ) -> Result<Admitted, Unauthenticated> {
        let Self::Token(key) = self else {
            return Ok(Admitted::default());
        };
        match payload.and_then(of_payload) {
            Some(Value::String(value)) => {
                let token = bearer(value).unwrap_or(value.trim());
                key.admit(token)
            }
            Some(_) => Err(Unauthenticated::NoBearer),
            None => key.admit(of_headers(headers)?),
        }
    }
}

fn of_headers(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Unauthenticated::Missing),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(bearer)
            .ok_or(Unauthenticated::NoBearer),
        // Choosing one of the two would be a guess.
        (Some(_), Some(_)) => Err(Unauthenticated::NoBearer),
    }
}

/// `Authorization` or `headers.Authorization`, in any letter case.
fn of_payload(payload: &Map<String, Value>) -> Option<&Value> {
    let own = get(payload, "authorization");
    own.or_else(|| get(get(payload, "headers")?.as_object()?, "authorization"))
        .filter(|value| !value.is_null())
}

fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut found = object
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value)
}

/// The text after `Bearer`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(char::is_whitespace)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
