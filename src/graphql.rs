//! GraphQL: the types, lists and relations of registered entities, their mutations, and the changes.
//!
//! Guarantees that no value is lost or panics on its way in or out, and that every error has a stable code and
//! no database text. Translates between GraphQL and the service, which decides. Knows nothing of HTTP or
//! sockets.

mod api;
mod arguments;
mod budget;
mod builder;
mod caller;
mod change;
mod column;
mod committed;
mod connection;
mod context;
mod error;
mod fetch;
mod filter;
mod guard;
mod history;
mod inputs;
mod list;
mod listed;
mod live;
mod mutation;
mod names;
mod node;
mod object_of;
mod objects;
mod offline;
mod operation_kind;
mod pagination;
mod parameters;
mod prepared;
mod prerendered;
mod record;
mod related;
mod relation;
mod scalar;
mod schema;
mod source;
mod subscription;
mod table_facts;
mod visible;

pub use crate::service::ErrorCode;
pub(crate) use crate::service::unreadable;
pub(crate) use api::Answer;
pub use api::Api;
pub use builder::Builder;
pub use caller::Caller;
pub(crate) use error::refusal;
pub(crate) use live::Payload;
pub(crate) use operation_kind::OperationKind;
pub(crate) use prepared::Prepared;
pub(crate) use schema::Entities;
