//! Who asks: a bearer token's `sub`, or nobody in open mode.
//!
//! Guarantees: with a key, no request passes without a token that this key signed and that is valid
//! now; the algorithm is the server's choice, never the token's; no secret is ever printed.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graphql::Caller;

/// How callers prove who they are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Not at all: every caller is anonymous and tokens are ignored. Only for a loopback address;
    /// browsers' requests from other sites are refused by their `Origin` and `Host`.
    Open,
    /// By a JWT signed with a shared secret (HS256).
    Hs256(HmacKey),
}

/// A shared secret and what a token signed with it must fulfil. Cheap to clone.
#[derive(Clone)]
pub struct HmacKey {
    verifier: Arc<Verifier>,
}

struct Verifier {
    key: DecodingKey,
    validation: Validation,
    /// Anyone can sign with an empty secret, so such a key accepts nothing.
    is_empty: bool,
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKey").finish_non_exhaustive()
    }
}

/// Why a caller is refused.
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

#[derive(Deserialize)]
struct Claims {
    sub: String,
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
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = true;
        validation.validate_nbf = true;
        // There is no setting for an audience that could be compared.
        validation.validate_aud = false;
        // Expired means expired; whoever issues tokens allows for skew.
        validation.leeway = 0;
        let verifier = Verifier {
            key: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            is_empty: secret.is_empty(),
        };
        Self::Hs256(HmacKey {
            verifier: Arc::new(verifier),
        })
    }

    /// The caller of an HTTP request, by its `Authorization` header. Says nothing of its
    /// idempotency key.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        match self {
            Self::Open => Ok(Caller::default()),
            Self::Hs256(key) => key.verifier.caller(of_headers(headers)?),
        }
    }

    /// The caller of a socket, by the payload of `connection_init`, or else by the header of the
    /// upgrade request.
    pub(super) fn caller_of_socket(
        &self,
        headers: &HeaderMap,
        payload: Option<&Map<String, Value>>,
    ) -> Result<Caller, Unauthenticated> {
        let Self::Hs256(key) = self else {
            return Ok(Caller::default());
        };
        match payload.and_then(of_payload) {
            Some(Value::String(value)) => {
                let token = bearer(value).unwrap_or(value.trim());
                key.verifier.caller(token)
            }
            Some(_) => Err(Unauthenticated::NoBearer),
            None => key.verifier.caller(of_headers(headers)?),
        }
    }
}

impl Verifier {
    fn caller(&self, token: &str) -> Result<Caller, Unauthenticated> {
        if self.is_empty {
            return Err(Unauthenticated::Invalid);
        }
        let token = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
        match token.map(|token| token.claims.sub) {
            Ok(sub) if sub.is_empty() => Err(Unauthenticated::Invalid),
            Ok(sub) => Ok(Caller {
                actor: Some(sub),
                idempotency_key: None,
            }),
            Err(error) => {
                tracing::debug!(%error, "token refused");
                Err(match error.kind() {
                    ErrorKind::ExpiredSignature => Unauthenticated::Expired,
                    ErrorKind::ImmatureSignature => Unauthenticated::NotYet,
                    _ => Unauthenticated::Invalid,
                })
            }
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
        // Which one counts would be a guess.
        (Some(_), Some(_)) => Err(Unauthenticated::NoBearer),
    }
}

/// `Authorization` or `headers.Authorization`, in any case.
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

/// What follows `Bearer`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(char::is_whitespace)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
