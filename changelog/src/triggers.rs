//! Capture by database triggers: every write to a table, whoever makes it, in the change log.
//!
//! A trigger writes the database's own text of each value; [`decode`] makes the canonical image of
//! it when the log is read, by the columns that [`schema`] keeps for each version of the table. The
//! migration calls here make triggers, keep them right around schema changes and switch a table
//! between hooks and triggers, so that exactly one of both writes at any moment.
//!
//! What a trigger is made of, on which database, stands in [`database`](crate::database). Must not know entities
//! but by the registry of `track!` lines, nor who reads the log.

mod check;
mod decode;
mod install;
mod options;
mod present;
mod schema;
mod switch;
mod tables;
mod values;

pub(crate) use check::captured_tables;
pub use check::{TriggerFinding, check_triggers, tables_by_triggers};
pub(crate) use decode::decode;
pub(crate) use install::drop_triggers;
pub use options::TriggerOptions;
pub(crate) use present::settings::{Settings, pin as pin_settings};
pub(crate) use present::{Found, Place, Present, Wait};
pub(crate) use schema::Schemas;
pub(crate) use switch::{Recorder, Renames, begin, install, lock, remember, reshape, set_recorder};
pub use switch::{track_by_hooks, track_by_triggers};
pub(crate) use tables::{create, drop, require_log, shapes};
pub(crate) use values::Values;
