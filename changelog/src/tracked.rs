//! SeaORM connections that do not let a tracked table change unrecorded.
//!
//! [`TrackedConnection`] stands in for `DatabaseConnection`, [`TrackedTransaction`] for
//! `DatabaseTransaction`; both carry the [`Context`](crate::Context) of what is written. They see
//! each statement's verb and table, hold it against what the entity hooks announce and record, and
//! refuse what would escape.

mod alive;
pub(crate) mod append;
pub(crate) mod bulk;
mod capturing;
mod cascades;
mod connection;
mod end;
mod inspect;
mod ledger;
mod lock_wait;
mod part;
mod permit;
mod record;
mod shared;
mod transaction;

pub(crate) use cascades::escaping;
pub use connection::TrackedConnection;
pub use transaction::TrackedTransaction;
