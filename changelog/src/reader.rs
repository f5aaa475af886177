//! How the log is read in order: what each database can promise, behind one seam.
//!
//! A reader guarantees that a position once passed stays passed: it never later hands out a change
//! at or before a position it has handed out, whatever commits in between. It belongs to one epoch:
//! once the database has another, it reads nothing more. Rows come ordered by
//! (batch, largest id of the row's transaction in the batch, id): each row's changes in commit
//! order, a transaction's changes side by side.
//!
//! Knows nothing of who reads or of cursors' text.

mod by_id;
mod change;
mod history;
mod inbox;
mod locked;
mod position;
mod rows;
mod selection;
mod stored;
mod ticks;

pub use change::Change;
pub use history::{Extent, History, Place, change_at, changes_at, history, lasting_columns};
pub(crate) use locked::{changed_after, key_texts};
pub use locked::{known_mutations, last_of, later, since_mutation};
pub use position::Position;
pub use rows::{
    Past, RowName, change_named, is_change_of, is_waiting, of_row, of_transaction, state_at,
    state_by,
};
pub(crate) use selection::with_numbers;
pub use selection::{Page, Selection};
pub use ticks::Signals;
pub(crate) use ticks::TICK_LOCK;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use crate::database;
pub use crate::database::Ordering;

/// Tables and log at one moment.
pub struct Moment {
    /// Reads the tables as they were. To be dropped when done; writes nothing.
    pub tx: DatabaseTransaction,
    /// The log's position at that moment.
    pub position: Position,
}

/// Why the log cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The position lies before the horizon: changes after it are no longer kept.
    #[error("the log no longer reaches back to the position")]
    Expired,
    /// The database has another log now: restored, failed over, or given a new epoch.
    #[error("the log has been replaced by another one")]
    Replaced,
    /// What the database says.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A reader of one database's log. All reads are bounded by what is asked for.
#[async_trait::async_trait]
pub trait LogReader: Send + Sync + 'static {
    /// How the order comes about.
    fn ordering(&self) -> Ordering;

    /// Makes what has been committed readable, where that takes a step, and tells the newest
    /// readable position. Any process may take the step; one that finds another at it waits for
    /// nobody. One query if there is nothing new.
    async fn advance(&self) -> Result<Position, ReadError>;

    /// The position before the oldest readable change: nothing at or before it is kept.
    async fn horizon(&self) -> Result<Position, ReadError>;

    /// Up to `limit` wanted changes after `after`, in order. Never skips what retention removes
    /// meanwhile: that is [`ReadError::Expired`].
    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError>;

    /// Whether every change of a row, whose key is of integers and UUIDs, is found by its key as a
    /// [`Selection`] has it; else its older changes may be told of under other names and spellings. To
    /// be asked after what was read by the key: then it holds for that.
    async fn finds_by_key(&self, row: &RowName) -> Result<bool, ReadError>;

    /// Opens a moment: what is read in its transaction is exactly what the changes up to its
    /// position made.
    async fn moment(&self) -> Result<Moment, ReadError>;

    /// What other processes tell of their steps; `None` where the database has no way to tell.
    fn signals(&self) -> Option<Signals> {
        None
    }
}

/// The reader for this database, of the log with this epoch. It takes connections of its own from
/// `db`: at most two at once, and one more for [`LogReader::signals`].
pub fn open(db: DatabaseConnection, epoch: String) -> Box<dyn LogReader> {
    match database::of(&db).facts().ordering {
        Ordering::Ticks => Box::new(ticks::Ticks::new(db, epoch)),
        Ordering::Inbox => Box::new(inbox::Inbox::new(db, epoch)),
        Ordering::ById => Box::new(by_id::ById::new(db, epoch)),
    }
}

/// MariaDB: moves what waits in the inbox into the log, as a server that follows it would. For whoever
/// writes so much that no reader may be there to do it.
pub(crate) async fn sequence<C>(db: &C) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
{
    match database::of(db).facts().ordering {
        Ordering::Inbox => inbox::move_waiting(db).await,
        Ordering::ById | Ordering::Ticks => Ok(()),
    }
}
