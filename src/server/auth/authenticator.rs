//! What an adopter implements to say who sends a request.

use std::borrow::Cow;

use async_trait::async_trait;

use super::Credentials;
use crate::graphql::Caller;

/// Says who sends a request. It is asked once for each HTTP request and event stream, and once for each socket,
/// at its `connection_init`.
///
/// ```
/// use seachange::{AuthError, Authenticator, Caller, Credentials, async_trait};
///
/// /// Knows sessions by the text of a cookie.
/// struct Sessions;
///
/// #[async_trait]
/// impl Authenticator for Sessions {
///     async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller, AuthError> {
///         let cookie = credentials.headers().get("cookie").ok_or(AuthError::Missing)?;
///         match cookie.to_str() {
///             Ok("session=4711") => Ok(Caller::new("alice")),
///             _ => Err(AuthError::refused("the session is over")),
///         }
///     }
/// }
///
/// let auth = seachange::Auth::by(Sessions);
/// # let _ = auth;
/// ```
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The caller who sends this.
    ///
    /// # Errors
    /// [`AuthError`]. The client sees its text.
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller, AuthError>;

    /// Whether browsers send the credentials by themselves, whatever page makes the request, as they do with
    /// cookies. Requests of pages of other sites are then refused, unless the page's origin is allowed. Return
    /// `false` only if each request carries something that its page must know, such as a bearer token.
    fn is_sent_by_browsers(&self) -> bool {
        true
    }
}

/// The reason why a caller is not admitted. Clients see its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The request has nothing that says who sends it.
    #[error("authentication is required")]
    Missing,
    /// The authorisation is not one bearer token.
    #[error("the authorization is not one bearer token")]
    NotBearer,
    /// The caller's time is over.
    #[error("the authentication has expired")]
    Expired,
    /// The caller's time has not begun.
    #[error("the token is not valid yet")]
    NotYet,
    /// What the request has is not valid.
    #[error("the authentication is not valid")]
    Invalid,
    /// Another reason, in a sentence for the client.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// It cannot be said now who the caller is. The client should try again with the same credentials.
    #[error("the caller cannot be authenticated now; try again later")]
    Unavailable,
}

impl AuthError {
    /// A reason of the authenticator's own, in a sentence for the client.
    pub fn refused(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(reason.into())
    }
}
