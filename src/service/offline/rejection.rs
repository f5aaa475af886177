//! A row of a push that was not taken as it was sent.

use seachange_changelog::Image;

use crate::service::code::ErrorCode;

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The row's key, by column.
    pub key: Image,
    /// What kind of refusal it is.
    pub code: ErrorCode,
    /// Why, as a sentence.
    pub reason: String,
    /// Its id in the inbox.
    pub conflict_id: String,
}
