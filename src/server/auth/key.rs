//! Verifies tokens, and reads their claims.

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

/// A key that verifies tokens, and the requirements on their claims. Cheap to clone.
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

/// The text is not a public key by which tokens can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPublicKey {
    /// It could sign tokens, and must not be on this server.
    #[error("this is a private key; cure: name the file with the public one")]
    Private,
    /// The key is neither RSA nor ECDSA nor Ed25519.
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

    /// The kind of key determines the only algorithm that is accepted.
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
            // This tests the key, not a signature: a key of another curve passes until here.
            .filter(|(algorithm, key)| verify("", b"", key, *algorithm).is_ok());
        let (algorithm, key) = fitting.next().ok_or(BadPublicKey::Unknown)?;
        Ok(Self::new(algorithm, key, false))
    }

    fn new(algorithm: Algorithm, key: DecodingKey, is_empty: bool) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = true;
        validation.validate_nbf = true;
        // There is no setting for an audience to compare with.
        validation.validate_aud = false;
        // No leeway is given for the expiry; the issuer of tokens must allow for clock skew.
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
            Ok(token) if !can_be_actor(&token.claims.sub) => Err(Unauthenticated::Invalid),
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

/// Whether changes can say that they are by this one. A NUL character is in no name, and PostgreSQL stores
/// none: each write of such a caller would fail, however often it is tried.
fn can_be_actor(sub: &str) -> bool {
    !sub.is_empty() && !sub.contains('\0')
}

/// The instant of these seconds since 1970; `None` if no clock reaches it. A token is invalid from then on
/// (RFC 7519), while jsonwebtoken's own check accepts it during that second.
fn until(expiry: f64) -> Result<Option<Instant>, Unauthenticated> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let left = expiry - now.unwrap_or_default().as_secs_f64();
    if left <= 0.0 {
        return Err(Unauthenticated::Expired);
    }
    let left = Duration::try_from_secs_f64(left).ok();
    Ok(left.and_then(|left| Instant::now().checked_add(left)))
}
