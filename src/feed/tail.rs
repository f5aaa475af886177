//! The one task per process that reads new changes and hands them to all subscribers.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use seachange_changelog::admit;
use seachange_changelog::reader::{Change, Moment, Position, ReadError, RowName, Selection};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::log::{Followed, Log};
use super::page::Page;
use super::pulse::Pulse;
use super::replay::Replay;
use super::subscription::{Batch, Start, Subscription};
use super::unhurried::unhurried;

/// Snapshots open at once: half of the feed's connections, so that they never hold up the feed.
pub(crate) const SNAPSHOTS: usize = 4;
/// Wait for one of them to be closed.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);
/// Changes read at a time.
const READ_PAGE: u64 = 500;
/// Between looks at the log while changes flow: other processes may give no signal.
const POLL_BUSY: Duration = Duration::from_millis(25);
/// Between looks after a second without changes: two cheap queries a second.
const POLL_IDLE: Duration = Duration::from_millis(500);
/// Without changes for this long the tail is idle.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// Longest wait between attempts while the database is away.
const RETRY_MOST: Duration = Duration::from_secs(2);

/// The feed of one database in this process. Cheap to clone; the tasks behind it end with the last
/// clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    tasks: Arc<[AbortOnDrop; 2]>,
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
    db: DatabaseConnection,
    /// Replaced when the database gets another epoch.
    followed: RwLock<Arc<Followed>>,
    /// Whose turn it is to advance the log or to replace it: the rest wait and find it done.
    turn: Mutex<()>,
    snapshots: Arc<Semaphore>,
    wake: Arc<Notify>,
    pulse: Pulse,
    /// The newest position of the log followed, as of the last look.
    known: RwLock<Cursor>,
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
            .field("epoch", &self.shared.followed().log.epoch)
            .finish_non_exhaustive()
    }
}

impl Feed {
    /// Starts to follow the log of `db`. `wake` is notified after local commits.
    ///
    /// # Errors
    /// [`FeedError::Refused`] if the database has no log or cannot be followed.
    pub async fn start(db: DatabaseConnection, wake: Arc<Notify>) -> Result<Self, FeedError> {
        let epoch: Epoch = admit(&db).await?.parse()?;
        let followed = Followed::open(&db, epoch);
        let known = followed.log.cursor(Position::START);
        let shared = Arc::new(Shared {
            followed: RwLock::new(followed),
            known: RwLock::new(known),
            db,
            turn: Mutex::new(()),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            wake,
            pulse: Pulse::new(),
        });
        let (followed, head) = shared.head().await?;
        let place = Place { followed, head };
        let tail = tokio::spawn(follow(Arc::downgrade(&shared), place));
        let ear = tokio::spawn(listen(Arc::downgrade(&shared)));
        Ok(Self {
            shared,
            tasks: Arc::new([AbortOnDrop(tail), AbortOnDrop(ear)]),
        })
    }

    /// Whether the last look at the log succeeded, and the one under way is not without an answer for
    /// long.
    pub fn is_healthy(&self) -> bool {
        self.shared.pulse.is_healthy()
    }

    /// The position now. Read it, then the data, then subscribe from it: nothing is missed.
    ///
    /// # Errors
    /// [`FeedError::Database`].
    pub async fn head(&self) -> Result<Cursor, FeedError> {
        let (followed, head) = self.shared.head().await?;
        Ok(followed.log.cursor(head))
    }

    /// The newest position as of the last look, without another: everything up to it can be read.
    pub(crate) fn known(&self) -> Cursor {
        let known = self.shared.known.read();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The place of a cursor in the log followed now.
    ///
    /// # Errors
    /// As [`Feed::subscribe`].
    pub(crate) async fn position(&self, cursor: &Cursor) -> Result<Position, FeedError> {
        let (followed, head) = self.shared.head().await?;
        let start = Start::After(cursor.clone());
        followed.log.resolve(&start, head).await
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
        let (followed, head) = self.shared.head().await?;
        let log = &followed.log;
        let from = log.resolve(start, head).await?;
        let page = log.read(from, wanted, limit).await?;
        Ok(Page::new(&log.epoch, page))
    }

    /// Follows the feed from `start`.
    ///
    /// # Errors
    /// [`FeedError::ResyncRequired`] if the cursor is of another log or ahead of this one;
    /// [`FeedError::CursorExpired`] if retention has passed it; [`FeedError::Database`].
    pub async fn subscribe(
        &self,
        start: &Start,
        wanted: Selection,
    ) -> Result<Subscription, FeedError> {
        // Receive first, look second: what commits in between arrives live.
        let heard = self.shared.followed();
        let mut live = heard.live.subscribe();
        let (followed, mut head) = self.shared.head().await?;
        let log = followed.log.clone();
        if !Arc::ptr_eq(&followed, &heard) {
            // Replaced at this very look.
            live = followed.live.subscribe();
            head = log.advance().await?;
        }
        let position = log.resolve(start, head).await?;
        let replay = Replay {
            log,
            wanted,
            row: None,
            position,
        };
        Ok(Subscription::new(replay, live, head))
    }

    /// A reader that goes at its own pace from `start`, and the newest position. With a `row`, whose key
    /// is of integers and UUIDs, it may pass over changes of others.
    ///
    /// # Errors
    /// As [`Feed::subscribe`].
    pub(crate) async fn replay(
        &self,
        start: &Start,
        wanted: Selection,
        row: Option<RowName>,
    ) -> Result<(Replay, Position), FeedError> {
        let (followed, head) = self.shared.head().await?;
        let log = followed.log.clone();
        let position = log.resolve(start, head).await?;
        let replay = Replay {
            log,
            wanted,
            row,
            position,
        };
        Ok((replay, head))
    }

    /// The log followed now and its newest position.
    pub(super) async fn followed(&self) -> Result<(Log, Position), FeedError> {
        let (followed, head) = self.shared.head().await?;
        Ok((followed.log.clone(), head))
    }

    /// Stops following and ends the feed's own connections; nothing can be read any more.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        for task in self.tasks.iter() {
            task.0.abort();
        }
        self.shared.db.clone().close().await
    }

    /// The feed's own connections.
    pub(super) fn database(&self) -> DatabaseConnection {
        self.shared.db.clone()
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
        let (followed, _) = self.shared.head().await?;
        let Moment { tx, position } = followed.log.moment().await?;
        Ok(Snapshot {
            cursor: followed.log.cursor(position),
            tx,
            _permit: permit,
        })
    }
}

impl Shared {
    fn followed(&self) -> Arc<Followed> {
        // A reference is stored whole or not at all, so a panic elsewhere has not torn it.
        let followed = self.followed.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&followed)
    }

    /// Makes what is committed readable; the log followed now and its newest position.
    async fn head(self: &Arc<Self>) -> Result<(Arc<Followed>, Position), FeedError> {
        let shared = Arc::clone(self);
        unhurried(async move {
            let _turn = shared.turn.lock().await;
            let followed = shared.followed();
            match followed.log.advance().await {
                Err(ReadError::Replaced) => {}
                advanced => {
                    let head = advanced?;
                    shared.know(&followed, head);
                    return Ok((followed, head));
                }
            }
            let followed = shared.replace().await?;
            let head = followed.log.advance().await?;
            shared.know(&followed, head);
            Ok((followed, head))
        })
        .await
    }

    /// Whose turn it is calls this, so positions only grow.
    fn know(&self, followed: &Followed, head: Position) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = followed.log.cursor(head);
    }

    /// Follows the log that the database has now. Subscribers of the other are told when they next
    /// look at it.
    async fn replace(&self) -> Result<Arc<Followed>, FeedError> {
        let epoch: Epoch = admit(&self.db).await?.parse()?;
        tracing::warn!(%epoch, "the change log has been replaced; every older cursor is refused");
        let followed = Followed::open(&self.db, epoch);
        let mut place = self
            .followed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Arc::clone(&followed);
        Ok(followed)
    }
}

/// How far the tail has read.
struct Place {
    followed: Arc<Followed>,
    head: Position,
}

/// Reads on until the feed is dropped. Errors are retried for ever: a subscriber behind still has
/// its position, so a database that comes back is all that is needed.
async fn follow(shared: Weak<Shared>, mut place: Place) {
    let mut last_change = Instant::now();
    let mut retry = POLL_BUSY;
    loop {
        let Some(feed) = shared.upgrade() else {
            return;
        };
        feed.pulse.begin();
        let looked = advance(&feed, &mut place).await;
        let was_sound = feed.pulse.end(looked.is_ok());
        let pause = match looked {
            Ok(found) => {
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
                if was_sound {
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
async fn advance(feed: &Arc<Shared>, place: &mut Place) -> Result<bool, FeedError> {
    let (followed, head) = feed.head().await?;
    if !Arc::ptr_eq(&followed, &place.followed) {
        // Nobody listens to the new log from before its present.
        *place = Place { followed, head };
        return Ok(true);
    }
    let from = place.head;
    let all = Selection::default();
    while place.head < head {
        let page = match place.followed.log.read(place.head, &all, READ_PAGE).await {
            Ok(page) => page.to_end_of_transaction(),
            // Retention has overtaken this process. Whoever subscribes reads the log from its own
            // position and is told the same.
            Err(ReadError::Expired) => {
                place.head = head;
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        let batch = Batch {
            from: place.head,
            // A short page has looked at everything there is.
            to: if page.has_more {
                page.end
            } else {
                page.end.max(head)
            },
            changes: page.changes.into_iter().map(Arc::<Change>::new).collect(),
        };
        place.head = batch.to;
        // No receiver is no error: nobody listens now.
        let _ = place.followed.live.send(Arc::new(batch));
    }
    Ok(place.head > from)
}

/// Wakes the tail when other processes tell of their steps, where they can.
async fn listen(shared: Weak<Shared>) {
    let mut retry = POLL_BUSY;
    let Some(mut signals) = shared
        .upgrade()
        .and_then(|feed| feed.followed().log.signals())
    else {
        return;
    };
    loop {
        let said = signals.next().await;
        let Some(feed) = shared.upgrade() else {
            return;
        };
        feed.wake.notify_one();
        drop(feed);
        if let Err(error) = said {
            // Until then the poll finds what others do.
            tracing::debug!(%error, "no signals from other processes; trying again");
            retry = (retry * 2).min(RETRY_MOST);
            tokio::time::sleep(retry).await;
        } else {
            retry = POLL_BUSY;
        }
    }
}
