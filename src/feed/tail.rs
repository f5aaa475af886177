//! The one task per process that reads new changes and hands them to all subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use seachange_changelog::admit;
use seachange_changelog::reader::{
    self, Change, LogReader, Moment, Page, Position, ReadError, Selection,
};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::subscription::{Batch, Start, Subscription};
use super::unhurried::unhurried;

/// Snapshots open at once: half of the feed's connections, so that they never hold up the feed.
pub(crate) const SNAPSHOTS: usize = 4;
/// Wait for one of them to be closed.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);
/// Batches kept for subscribers that are a little behind; further back they read the log.
const KEPT_BATCHES: usize = 128;
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
    _permit: OwnedSemaphorePermit,
}

struct Shared {
    log: Arc<dyn LogReader>,
    /// Whose turn it is to advance the log: the rest wait and find it done.
    turn: Mutex<()>,
    epoch: Epoch,
    live: broadcast::Sender<Arc<Batch>>,
    snapshots: Arc<Semaphore>,
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
    /// [`FeedError::Refused`] if the database has no log or cannot be followed.
    pub async fn start(db: DatabaseConnection, wake: Arc<Notify>) -> Result<Self, FeedError> {
        let epoch = admit(&db).await?.parse()?;
        let log: Arc<dyn LogReader> = reader::open(db).into();
        let (live, _) = broadcast::channel(KEPT_BATCHES);
        let shared = Arc::new(Shared {
            log,
            turn: Mutex::new(()),
            epoch,
            live,
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            wake,
            healthy: AtomicBool::new(true),
        });
        let head = shared.advance().await?;
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
        Ok(self.cursor_at(self.shared.advance().await?))
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
        let head = self.shared.advance().await?;
        let from = self.resolve(start, head).await?;
        Ok(self.shared.log.read(from, wanted, limit).await?)
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
        let head = self.shared.advance().await?;
        let from = self.resolve(start, head).await?;
        let log = Arc::clone(&self.shared.log);
        Ok(Subscription::new(log, wanted, live, from, head))
    }

    /// Opens a snapshot: what is read in its transaction is the state at its cursor.
    ///
    /// # Errors
    /// [`FeedError::Busy`] if too many are open for too long; [`FeedError::Database`].
    pub async fn snapshot(&self) -> Result<Snapshot, FeedError> {
        let waiting = Arc::clone(&self.shared.snapshots).acquire_owned();
        let permit = match tokio::time::timeout(SNAPSHOT_WAIT, waiting).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(FeedError::Busy),
        };
        let log = Arc::clone(&self.shared.log);
        let Moment { tx, position } = unhurried(async move { log.moment().await }).await?;
        Ok(Snapshot {
            cursor: self.cursor_at(position),
            tx,
            _permit: permit,
        })
    }

    async fn horizon(&self) -> Result<Position, FeedError> {
        let log = Arc::clone(&self.shared.log);
        Ok(unhurried(async move { log.horizon().await }).await?)
    }

    async fn resolve(&self, start: &Start, head: Position) -> Result<Position, FeedError> {
        match start {
            Start::Now => Ok(head),
            Start::Oldest => self.horizon().await,
            Start::After(cursor) => {
                if cursor.epoch != self.shared.epoch || cursor.position > head {
                    return Err(FeedError::ResyncRequired);
                }
                if cursor.position < self.horizon().await? {
                    return Err(FeedError::CursorExpired);
                }
                Ok(cursor.position)
            }
        }
    }
}

impl Shared {
    /// Makes what is committed readable; the newest position.
    async fn advance(self: &Arc<Self>) -> Result<Position, DbErr> {
        let shared = Arc::clone(self);
        unhurried(async move {
            let _turn = shared.turn.lock().await;
            shared.log.advance().await
        })
        .await
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
async fn advance(feed: &Arc<Shared>, position: &mut Position) -> Result<bool, DbErr> {
    let from = *position;
    let head = feed.advance().await?;
    let all = Selection::default();
    while *position < head {
        let read = feed.log.read(*position, &all, READ_PAGE);
        let (changes, to) = match read.await {
            // A short page has looked at everything there is.
            Ok(page) if page.has_more => (page.changes, page.end),
            Ok(page) => (page.changes, page.end.max(head)),
            Err(ReadError::Database(error)) => return Err(error),
            // Retention has overtaken this process. Whoever subscribes reads the log from its own
            // position and is told the same.
            Err(ReadError::Expired) => {
                *position = head;
                return Ok(true);
            }
        };
        let batch = Batch {
            from: *position,
            to,
            changes: changes.into_iter().map(Arc::<Change>::new).collect(),
        };
        *position = to;
        // No receiver is no error: nobody listens now.
        let _ = feed.live.send(Arc::new(batch));
    }
    Ok(*position > from)
}
