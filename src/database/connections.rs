//! What a program uses of one database: the connection for its own work, and those of the feed.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal;
use tokio::sync::Notify;

use super::pool::{self, Use};
use super::settings::DatabaseSettings;
use super::{connect, connect_with, warn_of_pool};
use crate::feed::{Feed, FeedError, SNAPSHOTS};

/// What a program uses of one database: the connection for its own work, and those of the feed. A commit
/// through [`tracked`](Self::tracked) wakes the feed at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    tracked: TrackedConnection,
    /// For the feed alone, so that writers that hold all other connections cannot hold it up.
    feed: DatabaseConnection,
    wake: Arc<Notify>,
    /// How more pools are opened; `None` if all share one pool.
    more: Option<More>,
}

/// How more pools are opened.
#[derive(Clone, Debug)]
struct More {
    settings: DatabaseSettings,
    first: Vec<String>,
}

impl Connections {
    /// Opens pools of its own for the program's work and for the feed. On SQLite one connection writes and
    /// others read, in WAL mode. A database in memory has one connection for everything, which suits tests: a
    /// statement that needs another while a transaction is open fails after the time for waiting.
    ///
    /// # Errors
    /// `DbErr::Conn` if the database cannot be reached or the URL does not name a supported one;
    /// `DbErr::BackendNotSupported` if this program was built without the database's feature.
    pub async fn open(settings: impl Into<DatabaseSettings>) -> Result<Self, DbErr> {
        let settings = settings.into();
        if pool::is_memory(settings.url()) {
            let tracked = connect(&settings).await?;
            let feed = tracked.writer().clone();
            return Ok(Self::of(tracked, feed, None));
        }
        let first = pool::first_statements(&settings).await?;
        let tracked = connect_with(&settings, &first).await?;
        // One for each snapshot, as many to look for new changes and to serve subscribers that are behind, and
        // one that listens.
        let connections = u32::try_from(2 * SNAPSHOTS + 1).unwrap_or(u32::MAX);
        let purpose = Use {
            first: first.clone(),
            ..Use::of(connections)
        };
        let feed = pool::open(&settings, purpose).await?;
        Ok(Self::of(tracked, feed, Some(More { settings, first })))
    }

    /// Uses the program's own pool for everything, as it is. On SQLite, where a pool in another mode than WAL
    /// lets readers and writers wait for each other, this is reported as a warning. [`open`](Self::open) with
    /// the same `ConnectOptions` is faster, and keeps writers from holding up the feed.
    ///
    /// # Errors
    /// The database's error, if it cannot be asked for its mode.
    pub async fn shared(db: DatabaseConnection) -> Result<Self, DbErr> {
        warn_of_pool(&db).await?;
        Ok(Self::of(TrackedConnection::new(db.clone()), db, None))
    }

    fn of(tracked: TrackedConnection, feed: DatabaseConnection, more: Option<More>) -> Self {
        let wake = Arc::new(Notify::new());
        let signal = Arc::clone(&wake);
        Self {
            tracked: tracked.with_on_commit(move || signal.notify_one()),
            feed,
            wake,
            more,
        }
    }

    /// The connection for the program's own work. What is written through it is recorded, and reaches
    /// subscribers at once.
    pub fn tracked(&self) -> &TrackedConnection {
        &self.tracked
    }

    /// Follows the change log.
    ///
    /// # Errors
    /// [`FeedError::Refused`] if the database has no log, or cannot be followed.
    pub async fn follow(&self) -> Result<Feed, FeedError> {
        Feed::start(self.feed.clone(), Arc::clone(&self.wake)).await
    }

    /// Connections for what requests read outside transactions. No statement on them runs longer than a request
    /// may; the tracked connection itself if the database cannot enforce that, or the pool is the program's.
    /// They open as they are needed. Writes, and the reads of consumers and commands, have no such bound.
    ///
    /// # Errors
    /// The same as for [`open`](Self::open).
    pub(crate) async fn for_requests(&self, most: Duration) -> Result<TrackedConnection, DbErr> {
        let tracked = self.tracked.clone();
        let Some(More { settings, first }) = &self.more else {
            return Ok(tracked);
        };
        let Some(limit) = internal::of(&tracked).limit_statements(most) else {
            return Ok(tracked);
        };
        let mut first = first.clone();
        first.push(limit);
        let purpose = Use {
            first,
            ..Use::of(settings.connections.max(1))
        };
        let reads = pool::open(settings, purpose).await?;
        Ok(tracked.with_reader(reads))
    }
}
