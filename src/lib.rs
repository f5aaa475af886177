//! Change tracking and sync for SeaORM: an audit log, live subscriptions and a GraphQL API on the
//! tables you have.
//!
//! Every insert, update and delete through SeaORM is recorded in the `change_log` table in the
//! transaction that made it, and handed to subscribers in order. An application is an [`App`]: name
//! the migrator, register the entities, run. See the README for a tour and ARCHITECTURE for how it
//! holds together.

mod abort_on_drop;
mod cli;
mod consumer;
mod database;
mod feed;
mod graphql;
mod limits;
mod server;
mod service;
mod sync;
mod torture;

pub use cli::{App, Finding, Server, Settings, StartError, Unverified, Verdict, VerifyError};
pub use consumer::{
    Consumer, ConsumerHandle, ConsumerState, Delivery, Handler, HandlerError, LEASE,
};
pub use database::{DatabaseSettings, connect};
pub use feed::{
    Change, ChangeLine, Cursor, CursorError, Epoch, Feed, FeedError, FeedItem, Page, Past,
    Position, RowName, Selection, Snapshot, Start, Subscription, When,
};
pub use graphql::{Builder, Caller};
pub use limits::Limits;
pub use server::{AllowedOrigins, BadOrigins};
pub use service::{
    ErrorCode, Fact, InboxChoice, InboxFilter, InboxPage, Pulled, PushAnswer, Rejection, Service,
    ServiceError, Writable,
};
pub use sync::{Choice, Conflict, Policy, Resolver, Rule, State};
pub use torture::{Report, Tally, Torture};

/// The GraphQL library, for fields of your own.
pub use async_graphql;
/// The change log and capture.
pub use seachange_changelog as changelog;
