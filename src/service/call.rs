//! What is known of whoever asks, and what is done for them.

use seachange_changelog::TrackedConnection;

use super::budget::Budget;
use super::error::ServiceError;
use super::key::Keyed;
use super::turns::Turns;
use crate::feed::Feed;
use crate::limits::Limits;

/// One thing that somebody asks for: on whose behalf, and what it may cost.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// What is written through it is recorded as the caller's.
    pub(crate) db: &'a TrackedConnection,
    /// Of the log of this database; `None` where nothing asks for the log.
    pub(crate) feed: Option<&'a Feed>,
    pub(crate) limits: &'a Limits,
    pub(crate) budget: &'a Budget,
    pub(crate) turns: &'a Turns,
    /// The key under which it is done once, and which part of the request under this key it is.
    pub(crate) key: Option<(&'a Keyed, &'a str)>,
}

impl<'a> Call<'a> {
    /// The feed.
    ///
    /// # Errors
    /// `INTERNAL` where there is none.
    pub(crate) fn feed(&self) -> Result<&'a Feed, ServiceError> {
        self.feed
            .ok_or_else(|| ServiceError::internal("there is no feed"))
    }
}
