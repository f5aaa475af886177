//! Change tracking and sync for SeaORM: an audit log, live subscriptions and a GraphQL API on the tables you
//! have.
//!
//! Every insert, update and delete through SeaORM is recorded in the `change_log` table in the transaction that
//! made it, and handed to subscribers in order.
//!
//! # From Rust
//!
//! A [`Service`] writes, shows history and undoes, without a server:
//!
//! ```
//! use sea_orm::{ActiveModelTrait, ActiveValue::Set};
//! use seachange::changelog::Context;
//! use seachange::{Cursor, DatabaseSettings, Service, Start};
//!
//! mod note {
//!     use sea_orm::entity::prelude::*;
//!     use seachange::changelog::Track;
//!
//!     // `Track` takes the place of `impl ActiveModelBehavior for ActiveModel {}`.
//!     #[sea_orm::model]
//!     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Track)]
//!     #[sea_orm(table_name = "note")]
//!     pub struct Model {
//!         #[sea_orm(primary_key)]
//!         pub id: i64,
//!         pub text: String,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("notes.db");
//! # let url = format!("sqlite://{}?mode=rwc", file.display());
//! # #[cfg(any())]
//! let url = "sqlite://notes.db?mode=rwc";
//! let settings = DatabaseSettings::new(url);
//! # {
//! #     use sea_orm::{ConnectionTrait, Schema};
//! #     let db = seachange::connect(&settings).await?;
//! #     seachange::changelog::create_change_log(db.writer()).await?;
//! #     let schema = Schema::new(ConnectionTrait::get_database_backend(&db));
//! #     db.writer().execute(&schema.create_table_from_entity(note::Entity)).await?;
//! # }
//! // The tables exist: a migration has called `changelog::create_change_log`.
//! let service = Service::connect(&settings).await?.entity::<note::Entity>();
//! let service = service.with_context(Context::actor("alice"));
//!
//! // A transaction that is retried if the database asks for it. `once` is the same under an idempotency key.
//! let id = service
//!     .transact(|tx| {
//!         Box::pin(async move {
//!             let note = note::ActiveModel {
//!                 text: Set("hello".to_owned()),
//!                 ..Default::default()
//!             };
//!             Ok(note.insert(tx).await?.id)
//!         })
//!     })
//!     .await?;
//!
//! // Who did what to the row?
//! let page = service.history::<note::Entity>(id, &Start::Oldest, 100).await?;
//! let change = page.changes.first().ok_or("no change")?;
//! assert_eq!(change.row.actor.as_deref(), Some("alice"));
//!
//! // Undone by another change, which is refused if the row has been changed since.
//! let undone = service.revert_change(&Cursor::at(&page.epoch, change.position)).await?;
//! assert_eq!(undone.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # As a server
//!
//! An `App` is a whole program: name the migrator, register the entities, run.
//!
//! ```no_run
//! use seachange::{App, Policy};
//! use seachange_entity::{comment, project, task};
//! use seachange_migration::Migrator;
//!
//! fn main() -> std::process::ExitCode {
//!     App::new()
//!         .migrator::<Migrator>()
//!         .entity::<project::Entity>()
//!         .entity::<task::Entity>()
//!         .entity::<comment::Entity>()
//!         .sync::<task::Entity>(Policy::merge_disjoint())
//!         .run()
//! }
//! ```
//!
//! # Features
//!
//! At least one database is needed; a connection to one that this build does not have is refused. Without the
//! default features, and with a database, this is change log, feed, consumers, service and sync.
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` (default) | SQLite, which is compiled in |
//! | `postgres` | PostgreSQL |
//! | `mysql` | MariaDB |
//! | `graphql` | the GraphQL types of registered entities, and [`async-graphql`](https://docs.rs/async-graphql) for fields of your own |
//! | `server` | `App`: GraphQL over HTTP, WebSocket and event streams; implies `graphql` |
//! | `cli` (default) | `App::run`: the server as a program with commands; implies `server` |
//!
//! See the README for a tour, `docs/` for guides and reference, and ARCHITECTURE for how it holds together.

// Without the program, functions are left over that only it or its server calls.
#![cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "only the server or the commands use it")
)]
#![cfg_attr(
    not(feature = "server"),
    expect(unused_imports, reason = "only GraphQL or the server use it")
)]

mod abort_on_drop;
#[cfg(feature = "server")]
mod app;
#[cfg(feature = "cli")]
mod cli;
mod consumer;
mod database;
mod feed;
#[cfg(feature = "graphql")]
mod graphql;
mod limits;
#[cfg(feature = "server")]
mod server;
mod service;
mod sync;
#[cfg(feature = "reference")]
mod torture;

#[cfg(feature = "server")]
pub use app::{App, MountSettings, Mounted, Server, Settings, StartError};
#[cfg(feature = "cli")]
pub use cli::{Fault, Unverified, Verdict, VerifyError};
pub use consumer::{
    Consumer, ConsumerHandle, ConsumerState, Delivery, Handler, HandlerError, LEASE,
};
pub use database::{Connections, DatabaseSettings, connect};
pub use feed::{
    Change, ChangeLine, Changes, Cursor, CursorError, Epoch, Feed, FeedError, FeedItem, Page, Past,
    Position, RowName, Selection, Snapshot, Start, Subscription, TypedChange, When,
};
#[cfg(feature = "graphql")]
pub use graphql::{Builder, Caller};
pub use limits::Limits;
#[cfg(feature = "server")]
pub use server::{
    AllowedOrigins, Auth, AuthError, Authenticator, BadOrigins, BadPublicKey, Credentials,
};
pub use service::{
    Action, ErrorCode, Exposure, Fact, InboxChoice, InboxFilter, InboxPage, Pulled, PushAnswer,
    Rejection, Service, ServiceError, Writable,
};
pub use sync::{Choice, Conflict, Policy, Resolver, Rule, State};

/// The GraphQL library, for fields of your own.
#[cfg(feature = "graphql")]
pub use async_graphql;
/// For implementations of this crate's traits with `async` functions.
pub use async_trait::async_trait;
/// The HTTP library, whose routers the API's routes are nested in.
#[cfg(feature = "server")]
pub use axum;
/// The change log and capture.
pub mod changelog {
    // The derive writes paths, and here this crate is the way to them.
    #[doc(inline)]
    pub use seachange_changelog::__private::TrackInSeachange as Track;
    #[doc(inline)]
    pub use seachange_changelog::*;
}

/// What only the reference program and the tests of this repository use. It is not a public interface.
#[cfg(feature = "reference")]
#[doc(hidden)]
pub mod internal {
    pub use crate::torture::{Report, Tally, Torture};
}

/// Compiles what the README shows. It is not the documentation of the crate, because its links are relative: on a
/// page of rustdoc they would lead nowhere, and the links of this crate's own documentation would be raw text in it.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
