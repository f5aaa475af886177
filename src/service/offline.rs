//! Sync with offline clients: pulls, pushes, and the inbox of edits that were not taken.
//!
//! Guarantees that a pull from the last checkpoint has every row that has changed since, in its latest state;
//! that a pushed edit is stored, or its row comes back in the answer and the edit is in the inbox; and that one
//! bad row does not hold up the others. Names client libraries only in comments.

mod accept;
pub(crate) mod bulk;
pub(crate) mod complete;
pub(crate) mod document;
pub(crate) mod inbox;
mod inbox_entry;
pub(crate) mod pull;
pub(crate) mod push;
mod pushed;
pub(crate) mod rejection;
pub(crate) mod resolve;
mod server_row;
mod store;
pub(crate) mod synced;
