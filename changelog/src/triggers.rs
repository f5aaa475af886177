//! Capture by database triggers: every write to a table, from any program, is in the change log.
//!
//! A trigger writes the database's own text of each value; [`decode`] makes the canonical image from it when
//! the log is read, by the columns that [`schema`] keeps for each version of the table. The migration calls
//! here create triggers, keep them up to date with schema changes and switch a table between hooks and
//! triggers, so that exactly one of the two writes at any moment.
//!
//! The text of each database's triggers is made in [`database`](crate::database). This module must not know
//! entities except by the registry of `track!` lines, nor who reads the log.

mod check;
mod current_rows;
mod decode;
mod findings;
mod install;
mod options;
mod release;
mod schema;
mod switch;
mod tables;
mod values;

pub(crate) use check::captured_tables;
pub use check::{check_triggers, tables_by_triggers, untracked_tables};
pub(crate) use current_rows::settings::{Settings, pin as pin_settings};
pub(crate) use current_rows::{CurrentRows, FoundKey, KeyPlace, Wait};
pub(crate) use decode::decode;
pub(crate) use install::drop_triggers;
pub use options::TriggerOptions;
pub use release::{track_by_hooks, untrack};
pub(crate) use schema::Schemas;
pub use switch::track_by_triggers;
pub(crate) use switch::{Recorder, Renames, begin, install, lock, remember, reshape, set_recorder};
pub(crate) use tables::{create, drop, require_log, shapes};
pub(crate) use values::Values;
