//! The one task per process that reads new changes and hands them to all subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::change::Change;
use super::cursor::{Cursor, Epoch, Position};
use super::error::FeedError;
use super::selection::{Page, Selection};
use super::source::{self, Source};
use super::subscription::{Batch, Start, Subscription};

/// Batches kept for subscribers that are a little behind; further back they read the log.
const KEPT_BATCHES: usize = 1_024;
/// Changes read at a time.
const READ_PAGE: u64 = 500;
/// Between looks at the log while changes flow: other processes give no signal.
const POLL_BUSY: Duration = Duration::from_millis(25);
/// Between looks after a second without changes: two cheap queries a second.
const POLL_IDLE: Duration = Duration::from_millis(500);
/// Without changes for this long the tail is idle.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// Longest wait between attempts while the database is away.
const RETRY_MOST: Duration = Duration::from_secs(2);

/// The feed of one database in this process. Cheap to clone; the task behind it ends with the last
/// clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    _task: Arc<AbortOnDrop>,
}

/// Tables and log at one moment. Holds a database connection until dropped.
pub struct Snapshot {
    /// The position of this moment: subscribe from it and nothing is missed or repeated.
    pub cursor: Cursor,
    /// Reads only; to be rolled back by dropping it.
    pub tx: DatabaseTransaction,
}

struct Shared {
    db: DatabaseConnection,
    source: Arc<dyn Source>,
    epoch: Epoch,
    live: broadcast::Sender<Arc<Batch>>,
    wake: Arc<Notify>,
    healthy: AtomicBool,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("epoch", &self.shared.epoch)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// Starts to follow the log of `db`. `wake` is notified after local commits.
    ///
    /// # Errors
    /// [`FeedError::NoLog`] without a change log, [`FeedError::Database`] if it cannot be read.
    pub async fn start(db: DatabaseConnection, wake: Arc<Notify>) -> Result<Self, FeedError> {
        let epoch = source::epoch(&db).await?;
        let source: Arc<dyn Source> = source::open(db.clone()).into();
        let head = source.head().await?;
        let (live, _) = broadcast::channel(KEPT_BATCHES);
        let shared = Arc::new(Shared {
            db,
            source,
            epoch,
            live,
            wake,
            healthy: AtomicBool::new(true),
        });
        let task = tokio::spawn(follow(Arc::downgrade(&shared), head));
        Ok(Self {
            shared,
            _task: Arc::new(AbortOnDrop(task)),
        })
    }

    /// The log's epoch.
    pub fn epoch(&self) -> &Epoch {
        &self.shared.epoch
    }

    /// Whether the last look at the log succeeded.
    pub fn is_healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    /// The position now. Read it, then the data, then subscribe from it: nothing is missed.
    ///
    /// # Errors
    /// [`FeedError::Database`].
    pub async fn head(&self) -> Result<Cursor, FeedError> {
        Ok(self.cursor_at(self.shared.source.head().await?))
    }

    pub(crate) fn cursor_at(&self, position: Position) -> Cursor {
        Cursor {
            epoch: self.shared.epoch.clone(),
            position,
        }
    }

    /// Up to `limit` wanted changes from `start`, in order.
    ///
    /// # Errors
    /// As [`Feed::subscribe`].
    pub async fn page(
        &self,
        start: &Start,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, FeedError> {
        let head = self.shared.source.head().await?;
        let from = self.resolve(start, head)?;
        Ok(self.shared.source.read(from, wanted, limit).await?)
    }

    /// Follows the feed from `start`.
    ///
    /// # Errors
    /// [`FeedError::ResyncRequired`] if the cursor is of another log or ahead of this one.
    pub async fn subscribe(
        &self,
        start: &Start,
        wanted: Selection,
    ) -> Result<Subscription, FeedError> {
        // Receive first, look second: what commits in between arrives live.
        let live = self.shared.live.subscribe();
        let head = self.shared.source.head().await?;
        let from = self.resolve(start, head)?;
        let source = Arc::clone(&self.shared.source);
        Ok(Subscription::new(source, wanted, live, from, head))
    }

    /// Opens a snapshot: what is read in its transaction is the state at its cursor.
    ///
    /// # Errors
    /// [`FeedError::Database`].
    pub async fn snapshot(&self) -> Result<Snapshot, FeedError> {
        let tx = source::begin_snapshot(&self.shared.db).await?;
        let head = self.shared.source.head_in(&tx).await?;
        Ok(Snapshot {
            cursor: self.cursor_at(head),
            tx,
        })
    }

    fn resolve(&self, start: &Start, head: Position) -> Result<Position, FeedError> {
        match start {
            Start::Now => Ok(head),
            Start::Oldest => Ok(Position::START),
            Start::After(cursor) => {
                let known = cursor.epoch == self.shared.epoch && cursor.position <= head;
                known
                    .then_some(cursor.position)
                    .ok_or(FeedError::ResyncRequired)
            }
        }
    }
}

/// Reads on until the feed is dropped. Errors are retried for ever: a subscriber behind still has
/// its position, so a database that comes back is all that is needed.
async fn follow(shared: std::sync::Weak<Shared>, head: Position) {
    let mut position = head;
    let mut last_change = Instant::now();
    let mut retry = POLL_BUSY;
    loop {
        let Some(feed) = shared.upgrade() else {
            return;
        };
        let pause = match advance(&feed, &mut position).await {
            Ok(found) => {
                feed.healthy.store(true, Ordering::Relaxed);
                retry = POLL_BUSY;
                if found {
                    last_change = Instant::now();
                }
                if last_change.elapsed() < IDLE_AFTER {
                    POLL_BUSY
                } else {
                    POLL_IDLE
                }
            }
            Err(error) => {
                if feed.healthy.swap(false, Ordering::Relaxed) {
                    tracing::warn!(%error, "the change log cannot be read; trying again");
                }
                retry = (retry * 2).min(RETRY_MOST);
                retry
            }
        };
        let wake = Arc::clone(&feed.wake);
        drop(feed);
        // A timeout is as good as a signal: both mean look again.
        let _ = tokio::time::timeout(pause, wake.notified()).await;
    }
}

/// Hands out everything new; tells whether there was any.
async fn advance(feed: &Shared, position: &mut Position) -> Result<bool, sea_orm::DbErr> {
    let from = *position;
    loop {
        let Page {
            changes,
            end,
            has_more,
        } = feed
            .source
            .read(*position, &Selection::default(), READ_PAGE)
            .await?;
        if end > *position {
            let batch = Batch {
                from: *position,
                to: end,
                changes: changes.into_iter().map(Arc::<Change>::new).collect(),
            };
            *position = end;
            // No receiver is no error: nobody listens now.
            let _ = feed.live.send(Arc::new(batch));
        }
        if !has_more {
            return Ok(*position > from);
        }
    }
}
