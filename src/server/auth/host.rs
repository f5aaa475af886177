//! The caller that the host's middleware has found.

use async_trait::async_trait;

use super::{AuthError, Authenticator, Credentials};
use crate::graphql::Caller;

/// Takes the [`Caller`] from the request's extensions. The host may go by cookies, so requests of other sites'
/// pages are refused.
pub(super) struct Host;

#[async_trait]
impl Authenticator for Host {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller, AuthError> {
        let caller = credentials.extensions().get::<Caller>();
        caller.cloned().ok_or(AuthError::Missing)
    }
}
