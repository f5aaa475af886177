//! Change tracking for SeaORM: the change log, and capture that no tracked write can bypass.
//!
//! Derive [`Track`] on an entity's `Model`, put [`create_change_log`] in a migration, and write through a
//! [`TrackedConnection`]: each insert, update and delete is then in the `change_log` table, committed together
//! with the row or not at all.
//!
//! ```
//! use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait, Database};
//! use sea_orm::{EntityTrait, Schema, TransactionTrait};
//! use seachange_changelog::{Context, Operation, TrackedConnection, create_change_log, log};
//!
//! mod note {
//!     use sea_orm::entity::prelude::*;
//!     use seachange_changelog::Track;
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
//! // A database in memory belongs to one connection.
//! let mut options = ConnectOptions::new("sqlite::memory:");
//! options.max_connections(1);
//! let db = Database::connect(options).await?;
//!
//! // An application does this in its migrations.
//! create_change_log(&db).await?;
//! let schema = Schema::new(db.get_database_backend());
//! db.execute(&schema.create_table_from_entity(note::Entity)).await?;
//!
//! let db = TrackedConnection::new(db).with_context(Context::actor("alice"));
//! let tx = db.begin().await?;
//! let new = note::ActiveModel {
//!     text: Set("hello".to_owned()),
//!     ..Default::default()
//! };
//! let note = new.insert(&tx).await?;
//! tx.commit().await?;
//!
//! let change = log::Entity::find().one(&db).await?.ok_or("no change")?;
//! assert_eq!(change.entity, "note");
//! assert_eq!(change.operation, Operation::Insert);
//! assert_eq!(change.actor.as_deref(), Some("alice"));
//! assert_eq!(change.after.ok_or("no image")?["text"], note.text);
//! # Ok(())
//! # }
//! ```
//!
//! [`log`] is the log's table as an entity, for an audit. The crate `seachange` reads it in commit order, live,
//! and has history, undo and sync on top of it. This crate knows SeaORM, but no server and no GraphQL.
//!
//! # Features
//!
//! At least one database is needed; a connection to one that this build does not have is refused.
//!
//! | feature | database |
//! |---|---|
//! | `sqlite` (default) | SQLite, which is compiled in |
//! | `postgres` | PostgreSQL |
//! | `mysql` | MariaDB |

mod admission;
mod backoff;
mod baseline;
mod binding;
mod bulk;
mod capture;
mod catalogue;
mod collation;
pub mod consumer;
mod context;
mod context_transaction;
mod database;
mod doctor;
mod driver;
mod epoch;
mod error;
mod finding;
mod format;
mod image;
mod known;
pub mod log;
mod migration;
mod packet;
mod pool;
mod raw_sql;
mod reader;
mod registry;
mod request;
mod retention;
mod retry;
mod row_lock;
mod rows;
mod shape;
mod sqlite_time;
mod statement_time;
pub mod sync_tables;
mod table_change;
mod tables;
mod tracked;
mod triggers;
mod try_write;

pub use admission::Refused;
pub use baseline::{Baseline, BaselineStep, baseline};
pub use bulk::{BulkEntity, Target, UpdateWhere, UpsertMany, Written};
pub use capture::{Hooks, Track, model_from};
pub use context::Context;
pub use context_transaction::{ContextTransaction, tell};
pub use database::{Cause, cause};
pub use doctor::{check_computed, check_untracked};
pub use driver::{is_transient, is_unavailable};
pub use error::{
    BulkRefusal, CaptureError, CommitRefusal, Retry, SetupRefusal, ValueRefusal, WriteRefusal,
};
pub use finding::{Finding, FindingCode};
pub use format::{FORMAT, check_format, upgrade_change_log};
pub use image::{Image, ImageError, REDACTED, REDACTED_CHANGED};
pub use log::{Operation, Source};
pub use migration::{ColumnTypes, create_change_log, drop_change_log};
pub use pool::closing_unclean;
pub use registry::Tracked;
pub use retention::{new_epoch, prunable, prune};
pub use sqlite_time::create_time_index;
pub use sync_tables::{create_sync_tables, drop_sync_tables};
pub use table_change::{TableChange, change_tables};
pub use tracked::{TrackedConnection, TrackedStream, TrackedTransaction, TransactionHandle};
pub use triggers::{TriggerOptions, check_triggers, track_by_hooks, track_by_triggers, untrack};

/// What the crate `seachange` and the tests use. It is not a public interface: anything here may change at any
/// time.
#[doc(hidden)]
pub mod internal {
    pub use crate::admission::{admit, check_primary};
    pub use crate::backoff::Backoff;
    pub use crate::binding::{bindable, check as check_bindable, operand};
    pub use crate::catalogue::{equalities, indexes};
    pub use crate::collation::{Equality, Undecided};
    pub use crate::database::*;
    pub use crate::doctor::{Expected, examine, examine_entity};
    pub use crate::image::is_redacted;
    pub use crate::known::{Unknown, check_table, hidden_columns, in_log};
    pub use crate::registry::{Hidden, tracked_tables};
    pub use crate::retry::retry;
    pub use crate::row_lock::lock_rows;
    pub use crate::sqlite_time::{BELOW_DIGITS, Times};
    pub use crate::statement_time::limit_statements;
    pub use crate::tables::{RowPlace, TableRow, TableRows, tracked_here};
    pub use crate::triggers::{tables_by_triggers, untracked_tables};
    pub use crate::try_write::try_write;

    /// The identity of the log.
    pub mod epoch {
        pub use crate::epoch::*;
    }

    /// Rows as JSON.
    pub mod image {
        pub use crate::image::*;
    }

    /// The log in order.
    pub mod reader {
        pub use crate::reader::*;
    }

    /// Requests that were made under a key.
    pub mod request {
        pub use crate::request::*;
    }

    /// Rows of tracked tables, whatever their models can hold.
    pub mod rows {
        pub use crate::rows::*;
    }

    /// The shapes of tables.
    pub mod shape {
        pub use crate::shape::*;
    }
}

/// The targets of [`track!`]'s expansion. It is not a public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::capture::{after_delete, after_save, before_delete, before_save};
    pub use crate::registry::{Hidden, TrackedTable};
    pub use seachange_changelog_derive::TrackInSeachange;
    pub use {async_trait, inventory, sea_orm};
}
