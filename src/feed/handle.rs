//! The public handle of the feed and its queries.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use seachange_changelog::internal::reader::{Moment, Position, RowName, Selection};
use seachange_changelog::internal::{check_table, in_log};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::cursor::Cursor;
use super::error::FeedError;
use super::log::Log;
use super::page::Page;
use super::replay::Replay;
use super::run_detached::run_detached;
use super::shared::Shared;
use super::start::Start;
use super::subscription::Subscription;
use super::tail::{TailPosition, follow, listen};
use crate::abort_on_drop::AbortOnDrop;

/// How long to wait for an open snapshot to be closed.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);

/// The feed of one database in this process. Cheap to clone; the tasks behind it end with the last clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    tasks: Arc<[AbortOnDrop; 2]>,
}

/// The tables and the log at one moment. Holds a database connection until it is dropped.
pub struct Snapshot {
    /// The position of this moment: subscribe from it and nothing is missed or repeated.
    pub cursor: Cursor,
    /// For reading only. Dropping it rolls it back.
    pub tx: DatabaseTransaction,
    log: Log,
    position: Position,
    _permit: OwnedSemaphorePermit,
}

impl Snapshot {
    /// A reader of what comes after the snapshot. It needs no connection yet, so that it can be made where the
    /// snapshot holds the only one.
    pub(crate) fn replay(&self, wanted: Selection, row: Option<RowName>) -> Replay {
        Replay {
            log: self.log.clone(),
            wanted,
            row,
            position: self.position,
        }
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
        let shared = Arc::new(Shared::open(db, wake).await?);
        let (followed, head) = shared.head().await?;
        let place = TailPosition { followed, head };
        let tail = AbortOnDrop::spawn(follow(Arc::downgrade(&shared), place));
        let ear = AbortOnDrop::spawn(listen(Arc::downgrade(&shared)));
        Ok(Self {
            shared,
            tasks: Arc::new([tail, ear]),
        })
    }

    /// Whether the last look at the log succeeded, and the one under way has not been silent for too long.
    pub fn is_healthy(&self) -> bool {
        self.shared.log_health.is_healthy()
    }

    /// The position now. Read it, then the data, then subscribe from it; nothing is missed.
    ///
    /// # Errors
    /// [`FeedError::Database`].
    pub async fn head(&self) -> Result<Cursor, FeedError> {
        let (followed, head) = self.shared.head().await?;
        Ok(followed.log.cursor(head))
    }

    /// The newest position as of the last look at the log, without another look. Everything up to it can be
    /// read.
    pub(crate) fn newest_known(&self) -> Cursor {
        self.shared.newest_known()
    }

    /// The position of a cursor in the log that is followed now.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`].
    pub(crate) async fn position(&self, cursor: &Cursor) -> Result<Position, FeedError> {
        let (followed, head) = self.shared.head().await?;
        let start = Start::After(cursor.clone());
        followed.log.resolve(&start, head).await
    }

    /// Up to `limit` wanted changes from `start`, in order.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`].
    pub async fn page(
        &self,
        start: &Start,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, FeedError> {
        let wanted = self.known(wanted.clone()).await?;
        let (followed, head) = self.shared.head().await?;
        let log = &followed.log;
        let from = log.resolve(start, head).await?;
        let page = log.read(from, &wanted, limit).await?;
        Ok(Page::new(&log.epoch, page))
    }

    /// Follows the feed from `start`.
    ///
    /// # Errors
    /// [`FeedError::ResyncRequired`] if the cursor is of another log or ahead of this one;
    /// [`FeedError::CursorExpired`] if retention has passed it; [`FeedError::Unknown`] for a table that the log does
    /// not know, or, if one table is wanted, for what is not a key of it; [`FeedError::Database`].
    pub async fn subscribe(
        &self,
        start: &Start,
        wanted: Selection,
    ) -> Result<Subscription, FeedError> {
        let wanted = self.known(wanted).await?;
        // Receive first and look second, so that what commits in between arrives live.
        let heard = self.shared.followed();
        let mut live = heard.live.subscribe();
        let (followed, mut head) = self.shared.head().await?;
        let log = followed.log.clone();
        if !Arc::ptr_eq(&followed, &heard) {
            // The log was replaced during this very look.
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
    /// consists of integers and UUIDs, it may pass over changes of other rows.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`].
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

    /// The selection with its key in the form of the log.
    ///
    /// # Errors
    /// [`FeedError::Unknown`], if it can admit nothing; [`FeedError::Database`].
    async fn known(&self, mut wanted: Selection) -> Result<Selection, FeedError> {
        let (db, named) = (self.database(), wanted.entities.clone().unwrap_or_default());
        wanted.key = match (wanted.key.take(), named.as_slice()) {
            (Some(key), [entity]) => {
                let entity = entity.clone();
                let row = RowName { entity, key };
                return run_detached(async move {
                    let key = Some(in_log(&db, &row).await?.key);
                    Ok(Selection { key, ..wanted })
                })
                .await;
            }
            (key, _) => key,
        };
        run_detached(async move {
            for table in named {
                check_table(&db, &table).await?;
            }
            Ok(wanted)
        })
        .await
    }

    /// The log followed now and its newest position.
    pub(super) async fn followed(&self) -> Result<(Log, Position), FeedError> {
        let (followed, head) = self.shared.head().await?;
        Ok((followed.log.clone(), head))
    }

    /// Stops following and closes the feed's connections. Nothing can be read afterwards.
    ///
    /// # Errors
    /// The driver's error.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        for task in self.tasks.iter() {
            task.abort();
        }
        self.shared.db.clone().close().await
    }

    /// The connections that only the feed uses.
    pub(crate) fn database(&self) -> DatabaseConnection {
        self.shared.db.clone()
    }

    /// Opens a snapshot: its transaction reads the state at its cursor.
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
            log: followed.log.clone(),
            position,
            tx,
            _permit: permit,
        })
    }
}
