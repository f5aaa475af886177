//! GraphQL: Seaography's types and relations, our mutations, the changes.
//!
//! Guarantees that no value is lost or panics on its way in or out, that each mutation is one
//! transaction through the hooks, and that every error has a stable code and no database text.
//! Knows nothing of HTTP or sockets.

mod api;
mod budget;
mod change;
mod connection;
mod entity;
mod error;
mod filter;
mod guard;
mod history;
mod inputs;
mod live;
mod mutation;
mod once;
mod pagination;
mod record;
mod registered;
mod rendered;
mod rows;
mod scalar;
mod schema;
mod shape;
mod subscription;
mod sync;
pub(crate) mod table;
mod transaction;
pub(crate) mod unreadable;

pub(crate) use api::Answer;
pub use api::{Api, Caller};
pub(crate) use budget::is_readable;
pub(crate) use entity::ColumnInfo;
pub use error::ErrorCode;
pub(crate) use error::refusal;
pub(crate) use live::Payload;
pub use mutation::Writable;
pub(crate) use once::sweep;
pub(crate) use registered::Registered;
pub(crate) use schema::Entities;
