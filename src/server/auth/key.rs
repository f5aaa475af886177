//! What a token must be signed with, and what it then says.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::crypto::verify;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::time::Instant;

use super::{Admitted, Unauthenticated};
use crate::graphql::Caller;

/// A key that verifies tokens, and what they must fulfil. Cheap to clone.
#[derive(Clone)]
pub struct TokenKey {
    verifier: Arc<Verifier>,
}

struct Verifier {
    key: DecodingKey,
    validation: Validation,
    /// Anyone can sign with an empty secret, so such a key accepts nothing.
    is_empty: bool,
}

/// The text is no public key that tokens can be verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPublicKey {
    /// It would sign tokens, and does not belong on this server.
    #[error("this is a private key; cure: name the file with the public one")]
    Private,
    /// Neither RSA, nor ECDSA, nor Ed25519.
    #[error("no PEM public key for RS256, ES256 or EdDSA (\"BEGIN PUBLIC KEY\")")]
    Unknown,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: Option<f64>,
}

impl TokenKey {
    pub(super) fn hs256(secret: &str) -> Self {
        let key = DecodingKey::from_secret(secret.as_bytes());
        Self::new(Algorithm::HS256, key, secret.is_empty())
    }

    /// The kind of key decides the one algorithm that is accepted.
    pub(super) fn public(pem: &str) -> Result<Self, BadPublicKey> {
        if pem.contains("PRIVATE KEY") {
            return Err(BadPublicKey::Private);
        }
        let bytes = pem.as_bytes();
        let kinds = [
            (Algorithm::EdDSA, DecodingKey::from_ed_pem(bytes)),
            (Algorithm::ES256, DecodingKey::from_ec_pem(bytes)),
            (Algorithm::RS256, DecodingKey::from_rsa_pem(bytes)),
        ];
        let mut fitting = kinds
            .into_iter()
            .filter_map(|(algorithm, key)| Some((algorithm, key.ok()?)))
            // Looks at no signature, but at the key: another curve's passes until here.
            .filter(|(algorithm, key)| verify("", b"", key, *algorithm).is_ok());
        let (algorithm, key) = fitting.next().ok_or(BadPublicKey::Unknown)?;
        Ok(Self::new(algorithm, key, false))
    }

    fn new(algorithm: Algorithm, key: DecodingKey, is_empty: bool) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = true;
        validation.validate_nbf = true;
        // There is no setting for an audience that could be compared.
        validation.validate_aud = false;
        // Expired means expired; whoever issues tokens allows for skew.
        validation.leeway = 0;
        let verifier = Arc::new(Verifier {
            key,
            validation,
            is_empty,
        });
        Self { verifier }
    }

    pub(super) fn admit(&self, token: &str) -> Result<Admitted, Unauthenticated> {
        let Verifier {
            key,
            validation,
            is_empty,
        } = &*self.verifier;
        if *is_empty {
            return Err(Unauthenticated::Invalid);
        }
        match jsonwebtoken::decode::<Claims>(token, key, validation) {
            Ok(token) if token.claims.sub.is_empty() => Err(Unauthenticated::Invalid),
            Ok(token) => Ok(Admitted {
                until: token.claims.exp.map_or(Ok(None), until)?,
                caller: Caller {
                    actor: Some(token.claims.sub),
                    ..Caller::default()
                },
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

/// When these seconds since 1970 are reached; `None` if no clock will. A token is of no use from
/// then on (RFC 7519), where jsonwebtoken's own check lets that second pass.
fn until(expiry: f64) -> Result<Option<Instant>, Unauthenticated> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let left = expiry - now.unwrap_or_default().as_secs_f64();
    if left <= 0.0 {
        return Err(Unauthenticated::Expired);
    }
    let left = Duration::try_from_secs_f64(left).ok();
    Ok(left.and_then(|left| Instant::now().checked_add(left)))
}
