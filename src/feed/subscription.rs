//! One reader's way through the feed: replay to the present, then live, without gap or repeat.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use seachange_changelog::reader::{Change, LogReader, Page, Position, Selection};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::unhurried::unhurried;

/// Where a reader begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// With the next change committed.
    Now,
    /// With the oldest change kept.
    Oldest,
    /// With the first change after the cursor.
    After(Cursor),
}

/// What a subscription yields.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// The next change, in order.
    Change(Arc<Change>),
    /// The reader has everything there was when it subscribed; yielded exactly once.
    CaughtUp,
}

/// New changes, as the tail hands them out: all there are in `(from, to]`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) from: Position,
    pub(super) to: Position,
    pub(super) changes: Vec<Arc<Change>>,
}

/// Changes read from the log at a time while behind.
const REPLAY_PAGE: u64 = 500;
/// Waits between attempts while the database is away.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(2);

/// A reader of the feed. Dropping it ends it.
pub struct Subscription {
    log: Arc<dyn LogReader>,
    wanted: Selection,
    live: broadcast::Receiver<Arc<Batch>>,
    /// Everything up to here has been yielded or was not wanted.
    position: Position,
    /// The log is known to reach at least to here.
    known: Position,
    /// The end of what was there at the start, until it has been announced.
    announce_at: Option<Position>,
    ready: VecDeque<Arc<Change>>,
    retry: Duration,
}

impl Subscription {
    pub(super) fn new(
        log: Arc<dyn LogReader>,
        wanted: Selection,
        live: broadcast::Receiver<Arc<Batch>>,
        from: Position,
        head: Position,
    ) -> Self {
        Self {
            log,
            wanted,
            live,
            position: from,
            known: head,
            announce_at: Some(head),
            ready: VecDeque::new(),
            retry: FIRST_RETRY,
        }
    }

    /// The next item; waits for it, through outages of the database too: the position is kept, so
    /// nothing is missed meanwhile. Cancel-safe: nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`FeedError::Ended`]: the feed was shut down.
    pub async fn next(&mut self) -> Result<FeedItem, FeedError> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(FeedItem::Change(change));
            }
            if self.announce_at.is_some_and(|end| self.position >= end) {
                self.announce_at = None;
                return Ok(FeedItem::CaughtUp);
            }
            let step = if self.position < self.known {
                self.replay().await
            } else {
                self.follow().await
            };
            match step {
                Ok(()) => self.retry = FIRST_RETRY,
                Err(FeedError::Database(error)) => {
                    tracing::debug!(%error, "subscription waits for the database");
                    tokio::time::sleep(self.retry).await;
                    self.retry = (self.retry * 2).min(RETRY_MOST);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How far the reader has looked. After [`FeedItem::CaughtUp`] it is where to continue.
    pub fn cursor(&self, epoch: &Epoch) -> Cursor {
        Cursor {
            epoch: epoch.clone(),
            position: self.position,
        }
    }

    /// What has been read and not yet yielded.
    pub(crate) fn take_ready(&mut self) -> impl Iterator<Item = Arc<Change>> + use<> {
        std::mem::take(&mut self.ready).into_iter()
    }

    /// Reads the next page of the log.
    async fn replay(&mut self) -> Result<(), FeedError> {
        let Page {
            changes,
            end,
            has_more,
        } = self.read().await?;
        self.ready.extend(changes.into_iter().map(Arc::new));
        // A short page has looked at everything up to the end of the log, wanted or not.
        self.position = if has_more { end } else { end.max(self.known) };
        Ok(())
    }

    async fn read(&self) -> Result<Page, FeedError> {
        let (log, wanted) = (Arc::clone(&self.log), self.wanted.clone());
        let position = self.position;
        let read = async move { log.read(position, &wanted, REPLAY_PAGE).await };
        Ok(unhurried(read).await?)
    }

    /// Takes the next batch of the tail.
    async fn follow(&mut self) -> Result<(), FeedError> {
        match self.live.recv().await {
            Ok(batch) if batch.to <= self.position => Ok(()),
            Ok(batch) if batch.from <= self.position => {
                let fresh = batch
                    .changes
                    .iter()
                    .filter(|change| change.position > self.position && self.wanted.admits(change));
                self.ready.extend(fresh.cloned());
                self.position = batch.to;
                self.known = batch.to;
                Ok(())
            }
            // Something lies between: the log has it.
            Ok(batch) => {
                self.known = batch.to;
                Ok(())
            }
            // Batches are gone, the log is not: the next one kept tells how far to read.
            Err(RecvError::Lagged(_)) => Ok(()),
            Err(RecvError::Closed) => Err(FeedError::Ended),
        }
    }
}
