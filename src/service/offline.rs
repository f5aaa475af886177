//! Sync with offline clients: what they pull, what they push, and the inbox of edits that were not taken.
//!
//! Guarantees: a pull from the last checkpoint on has every row that has changed since, in its latest state; a
//! pushed edit is stored, or its row comes back in the answer and the edit is in the inbox; one bad row does
//! not hold up the others. Knows no client library by name but in comments.

mod accept;
pub(crate) mod bulk;
pub(crate) mod complete;
pub(crate) mod document;
mod file;
pub(crate) mod inbox;
mod known;
pub(crate) mod pull;
pub(crate) mod push;
mod pushed;
pub(crate) mod rejection;
pub(crate) mod resolve;
mod store;
pub(crate) mod synced;
