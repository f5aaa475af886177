//! Change tracking for SeaORM: the change log, and capture that no tracked write can bypass.
//!
//! This is everything that an entity crate needs. Put [`track!`] in an entity file, [`create_change_log`] in
//! a migration, and write through a [`TrackedConnection`]: each insert, update and delete is then in the
//! `change_log` table, committed together with the row or not at all.
//!
//! [`reader`] reads the log in order. This crate knows SeaORM, but no server and no GraphQL.

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
mod database;
mod doctor;
pub mod driver;
pub mod epoch;
mod error;
pub mod image;
pub mod log;
mod migration;
mod packet;
mod pool;
mod raw_sql;
pub mod reader;
mod registry;
pub mod request;
mod retention;
mod row_lock;
pub mod rows;
mod shape;
mod sqlite_time;
mod statement_time;
pub mod sync_tables;
mod table_change;
mod tables;
mod tracked;
mod triggers;
mod try_write;

pub use admission::{Refused, admit, check_primary};
pub use backoff::Backoff;
pub use baseline::{Baseline, BaselineStep, baseline};
pub use binding::bindable;
pub use bulk::{BulkEntity, Target, Written};
pub use capture::{Hooks, model_from};
pub use catalogue::equalities;
pub use collation::{Equality, Undecided};
pub use context::Context;
pub use database::lock_timeout;
pub use doctor::{Expected, Flaw, FlawCode, check_computed, examine, examine_entity};
pub use driver::{is_transient, is_unavailable};
pub use error::CaptureError;
pub use image::{Image, ImageError, REDACTED, REDACTED_CHANGED, is_redacted};
pub use log::{Operation, Source};
pub use migration::{create_change_log, drop_change_log};
pub use pool::closing_unclean;
pub use registry::{Hidden, Tracked, TrackedTable, tracked_tables};
pub use retention::{new_epoch, prune};
pub use row_lock::{RowLock, lock_rows};
pub use sqlite_time::{BELOW_DIGITS, Times, create_time_index};
pub use statement_time::limit_statements;
pub use sync_tables::{create_sync_tables, drop_sync_tables};
pub use table_change::{TableChange, change_tables};
pub use tables::{RowPlace, TableRow, TableRows, tracked_here};
pub use tracked::{TrackedConnection, TrackedTransaction};
pub use triggers::{
    TriggerFinding, TriggerOptions, check_triggers, tables_by_triggers, track_by_hooks,
    track_by_triggers,
};
pub use try_write::try_write;

/// What differs between databases, for the crate `seachange` and for tests. It is not a public interface.
#[doc(hidden)]
pub mod internal {
    pub use crate::binding::{check as check_bindable, operand};
    pub use crate::database::*;

    /// The shapes of tables.
    pub mod shape {
        pub use crate::shape::*;
    }
}

/// The targets of [`track!`]'s expansion. It is not a public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::capture::{after_delete, after_save, before_delete, before_save};
    pub use {async_trait, inventory, sea_orm};
}
