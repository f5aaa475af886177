//! One reader's way through the feed: first a replay to the present, then live, without gaps or repeats.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::{BoxFuture, poll_fn};
use futures_util::{FutureExt, Stream};
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

/// A reader under way to its next item, which gives the reader back.
type Waiting = BoxFuture<'static, (Box<Reader>, Result<FeedItem, FeedError>)>;

/// A reader of the feed. Dropping it ends it.
///
/// It is a stream of its items, too. The stream ends after its first error.
pub struct Subscription {
    /// `None` while it is in `waiting`.
    reader: Option<Box<Reader>>,
    /// What the stream was polled for last, if that has not come yet.
    waiting: Option<Waiting>,
    /// Where the reader was when it began to wait.
    place: Cursor,
    is_over: bool,
}

impl Subscription {
    pub(super) fn new(replay: Replay, live: broadcast::Receiver<News>, head: Position) -> Self {
        Self {
            place: replay.cursor(),
            reader: Some(Box::new(Reader {
                replay,
                live,
                known: head,
                announce_at: Some(head),
                ready: VecDeque::new(),
            })),
            waiting: None,
            is_over: false,
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
        if self.waiting.is_some() {
            return poll_fn(|cx| self.poll_item(cx)).await;
        }
        match &mut self.reader {
            Some(reader) => reader.next().await,
            None => Err(FeedError::Ended),
        }
    }

    /// How far the reader has looked. After [`FeedItem::CaughtUp`] this is where to continue. While it is polled
    /// as a stream, this is as of its last item.
    pub fn cursor(&self) -> Cursor {
        let here = self.reader.as_ref().map(|reader| reader.replay.cursor());
        here.unwrap_or_else(|| self.place.clone())
    }

    /// The cursor of a change that it has yielded.
    pub fn cursor_of(&self, change: &Change) -> Cursor {
        Cursor::at(self.epoch(), change.position)
    }

    /// The epoch of every change that it yields.
    pub fn epoch(&self) -> &Epoch {
        &self.place.epoch
    }

    /// The next change, if it has already been read.
    pub(crate) fn next_ready(&mut self) -> Option<Arc<Change>> {
        self.reader.as_mut()?.ready.pop_front()
    }

    /// The next item, for which it waits in a future of its own: that of [`next`](Self::next) would have to begin
    /// again with every poll.
    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<FeedItem, FeedError>> {
        if self.waiting.is_none() {
            let Some(mut reader) = self.reader.take() else {
                return Poll::Ready(Err(FeedError::Ended));
            };
            if let Some(change) = reader.ready.pop_front() {
                self.reader = Some(reader);
                return Poll::Ready(Ok(FeedItem::Change(change)));
            }
            self.place = reader.replay.cursor();
            let next = async move {
                let item = reader.next().await;
                (reader, item)
            };
            self.waiting = Some(next.boxed());
        }
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Err(FeedError::Ended));
        };
        let (reader, item) = ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        self.reader = Some(reader);
        Poll::Ready(item)
    }
}

impl Stream for Subscription {
    type Item = Result<FeedItem, FeedError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let item = ready!(this.poll_item(cx));
        this.is_over = item.is_err();
        Poll::Ready(Some(item))
    }
}

/// The place of a subscription, and what it has read ahead.
struct Reader {
    replay: Replay,
    live: broadcast::Receiver<News>,
    /// The log is known to reach at least this far.
    known: Position,
    /// The newest position at the start, until [`FeedItem::CaughtUp`] has been yielded.
    announce_at: Option<Position>,
    ready: VecDeque<Arc<Change>>,
}

impl Reader {
    /// See [`Subscription::next`].
    async fn next(&mut self) -> Result<FeedItem, FeedError> {
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
