//! The ordering torture: proves on a database that a reader misses nothing.
//!
//! Writers update a few rows in transactions with pauses, rollbacks and savepoints, while one transaction
//! stays open after it has written. Readers follow the feed live, and one pages it on changing servers with
//! nothing but a cursor. Every committed write must be delivered once, each row's in commit order, and each
//! transaction's adjacent.
//!
//! It writes to a separate table and to the change log, so give it a database that is used for nothing else.

mod judge;
mod readers;
mod table;
mod writers;

use std::time::Duration;

use sea_orm::{DbErr, TransactionSession};
use seachange_changelog::internal;

use crate::database::{Connections, DatabaseSettings};
use crate::feed::FeedError;
pub use judge::{Report, Tally};
use writers::{Truth, Writers};

/// The intensity and the duration.
#[derive(Clone, Copy, Debug)]
pub struct Torture {
    /// The number of concurrent transactions.
    pub writers: usize,
    /// The number of rows for which they compete.
    pub rows: i64,
    /// How long they write.
    pub time: Duration,
    /// Leave a transaction open that has written (on SQLite, which has one writer, a reader).
    pub open_transaction: bool,
    /// The seed of the random choices.
    pub seed: u64,
}

impl Default for Torture {
    fn default() -> Self {
        Self {
            writers: 12,
            rows: 20,
            time: Duration::from_secs(10),
            open_transaction: true,
            seed: 1,
        }
    }
}

/// The number of reading servers, each with separate connections and a separate feed, as another process
/// would have.
const SERVERS: usize = 2;

impl Torture {
    /// Runs on a migrated database.
    ///
    /// # Errors
    /// If the database or its log cannot be used; faults found are not errors, but are in the report.
    pub async fn run(self, settings: &DatabaseSettings) -> Result<Report, FeedError> {
        let settings = DatabaseSettings {
            // For all writers at once, and the open transaction.
            connections: u32::try_from(self.writers + 4).unwrap_or(u32::MAX),
            ..settings.clone()
        };
        let connections = Connections::open(settings.clone()).await?;
        let db = connections.tracked().clone();
        table::create(&db, self.rows).await?;
        let mut feeds = vec![connections.follow().await?];
        while feeds.len() < SERVERS {
            // Its own connections, which this process's commits do not wake.
            let other = Connections::open(settings.clone()).await?;
            feeds.push(other.follow().await?);
        }
        let start = feeds[0].head().await?;
        let readers = readers::start(&feeds, &start).await?;
        let held = self.hold(&db).await?;
        let truth = Writers::new(db.clone(), self).run().await?;
        let truth = held.release(truth).await?;
        let read = readers.finish(&feeds).await?;
        table::clear(&db).await?;
        Ok(judge::judge(&truth, read))
    }

    /// Opens the transaction that outlasts the writers.
    async fn hold(
        self,
        db: &seachange_changelog::TrackedConnection,
    ) -> Result<writers::Held, FeedError> {
        if !self.open_transaction {
            return Ok(writers::Held::default());
        }
        let held = if internal::of(db).facts().is_file {
            writers::Held::reading(db).await
        } else {
            writers::Held::writing(db).await
        };
        Ok(held?)
    }
}

/// Ends a transaction that only read.
async fn end<T: TransactionSession>(transaction: T) -> Result<(), DbErr> {
    transaction.rollback().await
}
