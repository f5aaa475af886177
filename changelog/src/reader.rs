//! Reads the log in order: the promises of the different databases, behind one interface.
//!
//! A reader guarantees that a position once passed stays passed: it never later returns a change at or before
//! a position that it has returned, whatever commits in between. It belongs to one epoch: once the database
//! has another, it reads nothing more. Rows are ordered by (batch, largest id of the row's transaction in the
//! batch, id): each row's changes are in commit order, and a transaction's changes are adjacent.
//!
//! This module knows neither who reads nor the text of cursors.

mod by_id;
mod change;
mod inbox;
mod keys;
mod locked_rows;
mod position;
mod replay;
mod row_history;
mod row_name;
mod selection;
mod stored_rows;
mod tick_positions;
mod ticks;

pub use change::Change;
pub(crate) use keys::{any_key_condition, texts_of};
pub(crate) use locked_rows::{changed_after, key_texts};
pub use locked_rows::{known_mutations, last_of, later, since_mutation};
pub use position::Position;
pub use replay::{Extent, History, ReplayPlace, change_at, changes_at, history, lasting_columns};
pub use row_history::{
    Past, before_newest, change_named, interim_before, is_change_of, is_waiting, of_row,
    of_row_backwards, of_transaction, state_at, state_by,
};
pub use row_name::RowName;
pub use selection::{Page, Selection};
pub use ticks::Signals;
pub(crate) use ticks::TICK_LOCK;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use crate::database::{self, LogOrder};

/// The tables and the log at one moment.
pub struct Moment {
    /// Reads the tables as they were. Drop it when done; it writes nothing.
    pub tx: DatabaseTransaction,
    /// The log's position at that moment.
    pub position: Position,
}

/// The reasons why the log cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The position lies before the horizon: changes after it are no longer kept.
    #[error("the log no longer reaches back to the position")]
    Expired,
    /// The database has another log now: it was restored, failed over, or given a new epoch.
    #[error("the log has been replaced by another one")]
    Replaced,
    /// Errors of the database.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A reader of one database's log. All reads are bounded by their arguments.
#[async_trait::async_trait]
pub trait LogReader: Send + Sync + 'static {
    /// Makes committed changes readable, where that takes a step, and returns the newest readable position.
    /// Any process may take the step; if another is taking it, this one does not wait. It is one query if
    /// there is nothing new.
    async fn advance(&self) -> Result<Position, ReadError>;

    /// The position before the oldest readable change: nothing at or before it is kept.
    async fn horizon(&self) -> Result<Position, ReadError>;

    /// Up to `limit` wanted changes after `after`, in order. Changes that retention removes meanwhile are
    /// never skipped: that is [`ReadError::Expired`].
    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError>;

    /// Whether a [`Selection`] by key finds every change of the row, whose key must consist of integers and
    /// UUIDs. If not, older changes may be stored under other names and spellings. Call it after the read; it
    /// then holds for what was read.
    async fn finds_by_key(&self, row: &RowName) -> Result<bool, ReadError>;

    /// Opens a moment: what is read in its transaction is exactly the result of the changes up to its
    /// position.
    async fn moment(&self) -> Result<Moment, ReadError>;

    /// Notifications of other processes' steps; `None` where the database has none.
    fn signals(&self) -> Option<Signals> {
        None
    }
}

/// The reader of this database's log with this epoch. It takes connections from `db`: at most two at once,
/// and one more for [`LogReader::signals`].
pub fn open(db: DatabaseConnection, epoch: String) -> Box<dyn LogReader> {
    match database::of(&db).facts().ordering {
        LogOrder::Ticks => Box::new(ticks::Ticks::new(db, epoch)),
        LogOrder::Inbox => Box::new(inbox::Inbox::new(db, epoch)),
        LogOrder::ById => Box::new(by_id::ById::new(db, epoch)),
    }
}

/// On MariaDB, moves waiting changes from the inbox into the log, as a server that follows the log would.
/// Callers that write large amounts use it, because no reader may be running.
pub(crate) async fn sequence<C>(db: &C) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    match database::of(db).facts().ordering {
        LogOrder::Inbox => inbox::move_waiting(db).await,
        LogOrder::ById | LogOrder::Ticks => Ok(()),
    }
}
