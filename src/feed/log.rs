//! The log that a feed follows: one epoch, its reader, and the channel to its live listeners.

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use seachange_changelog::internal::reader::{
    self, LogReader, Moment, Page, Position, ReadError, RowName, Selection, Signals,
};
use tokio::sync::broadcast;

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::news::News;
use super::run_detached::run_detached;
use super::start::Start;

/// Batches kept for subscribers that are a little behind. A subscriber further behind reads the log.
const KEPT_BATCHES: usize = 128;

/// The log of one epoch. Every step runs to its end even if its caller is dropped. Cheap to clone.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) epoch: Epoch,
    reader: Arc<dyn LogReader>,
}

impl Log {
    fn open(db: &DatabaseConnection, epoch: Epoch) -> Self {
        Self {
            reader: reader::open(db.clone(), epoch.to_string()).into(),
            epoch,
        }
    }

    pub(super) fn cursor(&self, position: Position) -> Cursor {
        Cursor::at(&self.epoch, position)
    }

    pub(super) fn signals(&self) -> Option<Signals> {
        self.reader.signals()
    }

    pub(super) async fn advance(&self) -> Result<Position, ReadError> {
        let reader = Arc::clone(&self.reader);
        run_detached(async move { reader.advance().await }).await
    }

    pub(super) async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        let (reader, wanted) = (Arc::clone(&self.reader), wanted.clone());
        run_detached(async move { reader.read(after, &wanted, limit).await }).await
    }

    /// Like [`read`](Self::read), but by the row's key. `None` if the key may not lead to all of the row's changes.
    pub(super) async fn read_row(
        &self,
        after: Position,
        wanted: &Selection,
        row: &RowName,
        limit: u64,
    ) -> Result<Option<Page>, ReadError> {
        let (reader, row) = (Arc::clone(&self.reader), row.clone());
        let wanted = Selection {
            entities: Some(vec![row.entity.clone()]),
            key: Some(row.key.clone()),
            ..wanted.clone()
        };
        run_detached(async move {
            let page = reader.read(after, &wanted, limit).await?;
            // This is asked after the read, so that the answer covers everything before the page's end.
            let is_all = reader.finds_by_key(&row).await?;
            Ok(is_all.then_some(page))
        })
        .await
    }

    pub(super) async fn moment(&self) -> Result<Moment, ReadError> {
        let reader = Arc::clone(&self.reader);
        run_detached(async move { reader.moment().await }).await
    }

    pub(super) async fn horizon(&self) -> Result<Position, ReadError> {
        let reader = Arc::clone(&self.reader);
        run_detached(async move { reader.horizon().await }).await
    }

    /// The position that a start stands for, when `head` is the newest.
    pub(super) async fn resolve(
        &self,
        start: &Start,
        head: Position,
    ) -> Result<Position, FeedError> {
        match start {
            Start::Now => Ok(head),
            Start::Oldest => Ok(self.horizon().await?),
            Start::After(cursor) => {
                if cursor.epoch != self.epoch || cursor.position > head {
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

/// A log and the channel to its listeners. The channel closes when another log takes the log's place.
pub(super) struct Followed {
    pub(super) log: Log,
    pub(super) live: broadcast::Sender<News>,
}

impl Followed {
    pub(super) fn open(db: &DatabaseConnection, epoch: Epoch) -> Arc<Self> {
        let (live, _) = broadcast::channel(KEPT_BATCHES);
        Arc::new(Self {
            log: Log::open(db, epoch),
            live,
        })
    }
}
