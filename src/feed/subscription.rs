//! One reader's way through the feed: first a replay to the present, then live, without gaps or repeats.

use std::collections::VecDeque;
use std::sync::Arc;

use seachange_changelog::internal::reader::{Change, Position};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::news::News;
use super::replay::Replay;

/// What a subscription yields.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// The next change, in order.
    Change(Arc<Change>),
    /// The reader has everything there was when it subscribed; yielded exactly once.
    CaughtUp,
}

/// A reader of the feed. Dropping it ends it.
pub struct Subscription {
    replay: Replay,
    live: broadcast::Receiver<News>,
    /// The log is known to reach at least this far.
    known: Position,
    /// The newest position at the start, until [`FeedItem::CaughtUp`] has been yielded.
    announce_at: Option<Position>,
    ready: VecDeque<Arc<Change>>,
}

impl Subscription {
    pub(super) fn new(replay: Replay, live: broadcast::Receiver<News>, head: Position) -> Self {
        Self {
            replay,
            live,
            known: head,
            announce_at: Some(head),
            ready: VecDeque::new(),
        }
    }

    /// Returns the next item. Waits for it, through outages of the database too: the position is kept, so
    /// nothing is missed meanwhile. Cancel-safe: nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`FeedError::ResyncRequired`] if the log has been replaced; [`FeedError::CursorExpired`] if retention
    /// has overtaken this reader; [`FeedError::Ended`] if the feed was shut down; [`FeedError::Database`] and
    /// [`FeedError::Refused`] if the log cannot be read until an operator repairs it.
    pub async fn next(&mut self) -> Result<FeedItem, FeedError> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(FeedItem::Change(change));
            }
            if self
                .announce_at
                .is_some_and(|end| self.replay.position >= end)
            {
                self.announce_at = None;
                return Ok(FeedItem::CaughtUp);
            }
            if self.replay.position < self.known {
                let changes = self.replay.page(self.known).await?;
                self.ready.extend(changes);
            } else {
                self.follow().await?;
            }
        }
    }

    /// How far the reader has looked. After [`FeedItem::CaughtUp`] this is where to continue.
    pub fn cursor(&self) -> Cursor {
        self.replay.cursor()
    }

    /// The epoch of every change that it yields.
    pub fn epoch(&self) -> &Epoch {
        self.replay.epoch()
    }

    /// The next change, if it has already been read.
    pub(crate) fn next_ready(&mut self) -> Option<Arc<Change>> {
        self.ready.pop_front()
    }

    /// Takes the next batch of the tail.
    async fn follow(&mut self) -> Result<(), FeedError> {
        let Replay {
            position, wanted, ..
        } = &mut self.replay;
        match self.live.recv().await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(batch)) if batch.to <= *position => Ok(()),
            Ok(Ok(batch)) if batch.from <= *position => {
                let fresh = batch
                    .changes
                    .iter()
                    .filter(|change| change.position > *position && wanted.admits(change));
                self.ready.extend(fresh.cloned());
                *position = batch.to;
                self.known = batch.to;
                Ok(())
            }
            // Something lies between; it is read from the log.
            Ok(Ok(batch)) => {
                self.known = batch.to;
                Ok(())
            }
            // Batches were dropped, but the log has their changes. The next batch shows how far to read.
            Err(RecvError::Lagged(_)) => Ok(()),
            // Another log has taken this one's place, or the feed is gone.
            Err(RecvError::Closed) => {
                self.replay.page(self.known).await?;
                Err(FeedError::Ended)
            }
        }
    }
}
