//! GraphQL: the types, lists and relations of registered entities, their mutations, the changes.
//!
//! Guarantees that no value is lost or panics on its way in or out, that each mutation is one
//! transaction through the hooks, and that every error has a stable code and no database text.
//! Knows nothing of HTTP or sockets.

mod api;
mod arguments;
mod budget;
mod builder;
mod caller;
mod change;
mod committed;
mod connection;
mod entity;
mod error;
mod fetch;
mod filter;
mod guard;
mod history;
mod inputs;
mod list;
mod live;
mod mutation;
mod names;
mod objects;
mod once;
mod pagination;
mod record;
mod registered;
mod related;
mod relation;
mod rendered;
mod row;
mod rows;
mod scalar;
mod schema;
mod shape;
mod source;
mod subscription;
mod sync;
pub(crate) mod table;
mod transaction;
pub(crate) mod unreadable;
mod writable;

pub(crate) use api::Answer;
pub use api::Api;
pub(crate) use budget::is_readable;
pub use builder::Builder;
pub use caller::Caller;
pub(crate) use entity::ColumnInfo;
pub use error::ErrorCode;
pub(crate) use error::refusal;
pub(crate) use live::Payload;
pub(crate) use once::sweep;
pub(crate) use registered::Registered;
pub(crate) use schema::Entities;
pub use writable::Writable;
