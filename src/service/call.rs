//! What a service function knows of its caller, and what the call may use.

use seachange_changelog::TrackedConnection;

use super::budget::Budget;
use super::error::ServiceError;
use super::key::Keyed;
use super::turns::Turns;
use crate::feed::Feed;
use crate::limits::Limits;

/// One call of the service: on whose behalf it is made, and what it may cost.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Everything written through it is recorded as the caller's.
    pub(crate) db: &'a TrackedConnection,
    /// The feed of this database's log; `None` if the call does not read the log.
    pub(crate) feed: Option<&'a Feed>,
    pub(crate) limits: &'a Limits,
    pub(crate) budget: &'a Budget,
    pub(crate) turns: &'a Turns,
    /// The key under which the call is done once, and which part of the keyed request it is.
    pub(crate) key: Option<(&'a Keyed, &'a str)>,
}

impl<'a> Call<'a> {
    /// The feed.
    ///
    /// # Errors
    /// `INTERNAL` if the call has no feed.
    pub(crate) fn feed(&self) -> Result<&'a Feed, ServiceError> {
        self.feed
            .ok_or_else(|| ServiceError::internal("there is no feed"))
    }
}
