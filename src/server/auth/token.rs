//! Verifies tokens, and reads their claims.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::{AuthError, Authenticator, Credentials};
use crate::graphql::Caller;

/// A key that verifies tokens, and the requirements on their claims. Cheap to clone.
#[derive(Clone)]
pub(super) struct TokenKey {
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

    fn caller(&self, token: &str) -> Result<Caller, AuthError> {
        let Verifier {
            key,
            validation,
            is_empty,
        } = &*self.verifier;
        if *is_empty {
            return Err(AuthError::Invalid);
        }
        match jsonwebtoken::decode::<Claims>(token, key, validation) {
            Ok(token) => {
                let caller = Caller::new(token.claims.sub);
                Ok(match token.claims.exp.and_then(time) {
                    Some(expiry) => caller.until(expiry),
                    None => caller,
                })
            }
            Err(error) => {
                tracing::debug!(%error, "token refused");
                Err(match error.kind() {
                    ErrorKind::ExpiredSignature => AuthError::Expired,
                    ErrorKind::ImmatureSignature => AuthError::NotYet,
                    _ => AuthError::Invalid,
                })
            }
        }
    }
}

#[async_trait]
impl Authenticator for TokenKey {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller, AuthError> {
        self.caller(credentials.bearer_token()?)
    }

    fn is_sent_by_browsers(&self) -> bool {
        false
    }
}

/// The time of these seconds since 1970; `None` if no clock reaches it.
fn time(expiry: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(expiry).ok()?)
}
