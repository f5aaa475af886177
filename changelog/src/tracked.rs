//! SeaORM connections that do not let a tracked table change unrecorded.
//!
//! [`TrackedConnection`] stands in for `DatabaseConnection`, [`TrackedTransaction`] for
//! `DatabaseTransaction`; both carry the [`Context`](crate::Context) of what is written. They see
//! each statement's verb and table, hold it against what the entity hooks announce and record, and
//! refuse what would escape.

mod cascades;
mod connection;
mod end;
mod health;
mod ledger;
mod lock_wait;
pub(crate) mod log_insert;
mod record;
pub(crate) mod rows_statement;
mod savepoint;
mod shared;
mod statement_admission;
mod statement_writes;
mod transaction;
mod trigger_context;

pub(crate) use cascades::escaping;
pub use connection::TrackedConnection;
pub use transaction::TrackedTransaction;
