//! Consumers: named readers of the feed inside the server, for outboxes, search indexes, webhooks.
//!
//! A consumer hands each wanted change to a [`Handler`], in the feed's order, at least once: its checkpoint is
//! saved in the database after the handler has succeeded, so a crash in between delivers the same batch again
//! and never skips one. Among all processes on a database, one at a time runs the consumer of a name; when that
//! one dies, another takes over within [`LEASE`].
//!
//! Knows the feed and the table of checkpoints; nothing of GraphQL.

mod handle;
mod lease;
mod worker;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use seachange_changelog::TrackedConnection;

pub use handle::{ConsumerHandle, ConsumerState};

use crate::feed::{Change, ChangeLine, Cursor, Epoch, Feed, FeedError, Selection, Start};

/// How long a dead process keeps other processes from running its consumers.
pub const LEASE: Duration = Duration::from_secs(15);
/// Most changes in a batch by default.
const BATCH: usize = 100;

/// Why a handler could not handle a batch. The text is shown to operators.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

/// What a consumer does with the changes.
#[async_trait::async_trait]
pub trait Handler: Send + 'static {
    /// Handles a batch. After `Ok` the batch does not come again. After an error it comes again, following a
    /// wait that grows from 0.1 s to a minute. Nothing else is delivered meanwhile, so the handler must bound
    /// its own waits. The future is never dropped half-way while the process lives. A panic stops the consumer.
    async fn handle(&mut self, delivery: &Delivery) -> Result<(), HandlerError>;

    /// Called when the log no longer continues where the consumer stopped: retention has passed its checkpoint
    /// ([`FeedError::CursorExpired`]) or the database has another log ([`FeedError::ResyncRequired`]). Rebuild
    /// from the tables what the changes would have built (see [`Feed::snapshot`]) and return where to go on.
    /// `None`, the default, stops the consumer with the reason until it is started again.
    async fn restart(&mut self, reason: &FeedError) -> Result<Option<Start>, HandlerError> {
        let _ = reason;
        Ok(None)
    }
}

/// Changes to handle, in the feed's order. A large transaction may be spread over several.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// At least one.
    pub changes: Vec<Arc<Change>>,
    /// The log's epoch.
    pub epoch: Epoch,
    /// Starts at 1 and grows by one each time that the handler fails on it in a row.
    pub attempt: u32,
}

impl Delivery {
    /// The cursor of its last change, which becomes the checkpoint once it is handled. After a crash a batch
    /// may be cut elsewhere, but each change keeps its own cursor.
    pub fn cursor(&self) -> Option<Cursor> {
        let last = self.changes.last()?;
        Some(Cursor::at(&self.epoch, last.position))
    }

    /// The changes as JSON lines.
    pub fn lines(&self) -> impl Iterator<Item = ChangeLine<'_>> {
        let line = |change| ChangeLine::new(change, &self.epoch);
        self.changes.iter().map(AsRef::as_ref).map(line)
    }
}

/// A named consumer, to be [started](Consumer::start).
#[derive(Clone, Debug)]
pub struct Consumer {
    name: String,
    wanted: Selection,
    first: Start,
    batch: usize,
}

impl Consumer {
    /// A consumer of every change from now on. The name identifies its checkpoint and has at most 255 bytes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            wanted: Selection::default(),
            first: Start::Now,
            batch: BATCH,
        }
    }

    /// Delivers only these changes.
    #[must_use]
    pub fn wanting(mut self, wanted: Selection) -> Self {
        self.wanted = wanted;
        self
    }

    /// Where to begin if there is no checkpoint yet. Once there is one, this has no effect.
    #[must_use]
    pub fn beginning(mut self, first: Start) -> Self {
        self.first = first;
        self
    }

    /// Most changes in a batch; 100 unless set.
    #[must_use]
    pub fn batch(mut self, most: NonZeroUsize) -> Self {
        self.batch = most.get();
        self
    }

    /// Starts it on this feed and on the database that the feed reads. It runs until the handle is stopped or
    /// dropped.
    pub fn start(
        self,
        feed: &Feed,
        db: &TrackedConnection,
        handler: impl Handler,
    ) -> ConsumerHandle {
        worker::start(self, feed.clone(), db.writer().clone(), handler)
    }
}
