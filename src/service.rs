//! What can be done with tracked rows, for Rust callers and for GraphQL alike: transactions that are retried,
//! work done once under a key, the history of a row and its past states, undoing a change or a transaction,
//! pulling, accepting a push, and the conflict inbox.
//!
//! Guarantees that every failure has a code, a sentence without database text, and its source. Knows only the
//! entities that the application registers; names no type of GraphQL and nothing of servers.

pub(crate) mod budget;
pub(crate) mod call;
pub(crate) mod code;
pub(crate) mod columns;
pub(crate) mod decimal;
pub(crate) mod entity;
pub(crate) mod error;
pub(crate) mod exposure;
pub(crate) mod filter;
mod handle;
mod hash;
pub(crate) mod history;
pub(crate) mod idempotency;
mod interim;
pub(crate) mod key;
pub(crate) mod names;
pub(crate) mod offline;
pub(crate) mod registered;
pub(crate) mod revert;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod shape;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod transaction;
pub(crate) mod turns;
pub(crate) mod unreadable;
pub(crate) mod writable;

pub use code::ErrorCode;
pub use error::{Fact, ServiceError};
pub use exposure::{Action, Exposure};
pub use handle::{Pulled, PushAnswer, Service};
pub use offline::inbox::{InboxFilter, InboxPage};
pub use offline::rejection::Rejection;
pub use offline::resolve::InboxChoice;
pub use writable::Writable;
