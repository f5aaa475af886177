//! SeaORM connections that do not let a tracked table change unrecorded.
//!
//! [`TrackedConnection`] stands in for `DatabaseConnection` and [`TrackedTransaction`] for
//! `DatabaseTransaction`; both carry the [`Context`](crate::Context) of what is written. They see each
//! statement's verb and table, compare it with what the entity hooks announce and record, and refuse what would
//! escape.
//!
//! Within the room one reads downwards:
//!
//! ```text
//! ledger, trigger_context ─▶ state      captured_tables, cascades, escapes, statement_writes ─▶ settings
//! scope, health, lock_wait, announced
//! transaction
//! captured_writes, statement_admission, record (log_insert), rows_statement, savepoint, end, stream
//! handle
//! connection (outside_transaction, retried)
//! ```

mod announced;
mod captured_tables;
mod captured_writes;
mod cascades;
mod connection;
mod end;
mod escapes;
mod handle;
mod health;
mod ledger;
mod lock_wait;
pub(crate) mod log_insert;
mod outside_transaction;
mod record;
mod retried;
pub(crate) mod rows_statement;
mod savepoint;
mod scope;
mod settings;
mod state;
mod statement_admission;
mod statement_writes;
mod stream;
mod transaction;
mod trigger_context;

pub(crate) use cascades::escaping;
pub use connection::TrackedConnection;
pub use handle::TransactionHandle;
pub use stream::TrackedStream;
pub use transaction::TrackedTransaction;
