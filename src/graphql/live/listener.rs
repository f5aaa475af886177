//! One subscriber: a position, and what comes after it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::group::{Group, Taken};
use super::initial::Initial;
use super::plan::{Begin, Item, Plan, Watch};
use super::render::{Payload, Rendering};
use super::router::Live;
use crate::feed::{Change, Cursor, FeedError, Position, Replay, Start};
use crate::graphql::error::Refusal;
use crate::graphql::record::RecordChange;

/// Between looks at a log that the router does not follow.
const UNROUTED: Duration = Duration::from_secs(1);

/// The payloads of one subscription; ends after an error.
pub(crate) fn listen(
    live: Live,
    plan: Plan,
    rendering: Rendering,
) -> impl Stream<Item = Result<Arc<Payload>, Refusal>> + Send {
    let start = Some(Phase::Opening(Box::new((live, plan, rendering))));
    stream::unfold(start, |phase| async {
        let listener = match phase? {
            Phase::Opening(parts) => {
                let (live, plan, rendering) = *parts;
                Listener::open(live, plan, rendering).await.map(Box::new)
            }
            Phase::Listening(listener) => Ok(listener),
        };
        let next = async {
            let mut listener = listener?;
            let payload = listener.next().await?;
            Ok((payload, listener))
        };
        match next.await {
            Ok((payload, listener)) => Some((Ok(payload), Some(Phase::Listening(listener)))),
            Err(refusal) => Some((Err(refusal), None)),
        }
    })
}

enum Phase {
    Opening(Box<(Live, Plan, Rendering)>),
    Listening(Box<Listener>),
}

struct Listener {
    live: Live,
    watch: Watch,
    rendering: Rendering,
    /// Rows that come before everything else.
    initial: Option<Initial>,
    replay: Replay,
    /// Up to here it reads the log by itself.
    head: Position,
    /// Whether reaching it is to be told.
    announces: bool,
    ready: VecDeque<Ready>,
    group: Option<Joined>,
}

/// What has been read and not yet yielded.
enum Ready {
    /// Of the log.
    Change(Arc<Change>),
    /// Of the ring.
    Payload(Arc<Payload>),
}

struct Joined {
    group: Arc<Group>,
    news: watch::Receiver<()>,
}

impl Listener {
    async fn open(live: Live, plan: Plan, rendering: Rendering) -> Result<Self, Refusal> {
        let Plan { watch, begin } = plan;
        let mut initial = None;
        let mut announces = false;
        let start = match (begin, &watch) {
            (
                Begin::WithRows,
                Watch::Records {
                    table, predicate, ..
                },
            ) => {
                let (table, predicate) = (Arc::clone(table), predicate.clone());
                let opened = Initial::open(&live.feed, table, predicate).await?;
                let start = Start::After(opened.cursor().clone());
                initial = Some(opened);
                announces = true;
                start
            }
            (Begin::From(start), watch) => {
                announces = matches!(watch, Watch::Records { .. });
                start
            }
            (Begin::Now | Begin::WithRows, _) => Start::Now,
        };
        let (replay, mut head) = live.feed.replay(&start, watch.selection()).await?;
        if initial.is_some() {
            // Caught up means: all rows have been told.
            head = replay.position();
        }
        Ok(Self {
            live,
            watch,
            rendering,
            initial,
            replay,
            head,
            announces,
            ready: VecDeque::new(),
            group: None,
        })
    }

    /// The next payload; waits for it. Cancel-safe but for initial rows.
    async fn next(&mut self) -> Result<Arc<Payload>, Refusal> {
        if let Some(initial) = &mut self.initial {
            let at = initial.cursor().clone();
            match initial.next().await? {
                Some(row) => return Ok(self.record(row, &at).await),
                None => self.initial = None,
            }
        }
        loop {
            match self.ready.pop_front() {
                Some(Ready::Payload(payload)) => {
                    self.replay.skip_to(payload.position);
                    return Ok(payload);
                }
                Some(Ready::Change(change)) => {
                    if let Some(item) = self.watch.item(self.replay.epoch(), &change) {
                        let at = Cursor::at(self.replay.epoch(), change.position);
                        return Ok(self.render(item, &at).await);
                    }
                    continue;
                }
                None => {}
            }
            if self.replay.position() < self.head {
                self.read(self.head).await?;
            } else if self.announces {
                self.announces = false;
                let at = self.replay.cursor();
                return Ok(self.record(RecordChange::caught_up(&at), &at).await);
            } else {
                self.follow().await?;
            }
        }
    }

    async fn record(&self, row: RecordChange, at: &Cursor) -> Arc<Payload> {
        self.render(Item::Record(Arc::new(row)), at).await
    }

    async fn render(&self, item: Item, at: &Cursor) -> Arc<Payload> {
        Arc::new(self.rendering.render(&self.live.schema, item, at).await)
    }

    /// Reads the log, when it is this listener's turn.
    async fn read(&mut self, known: Position) -> Result<(), FeedError> {
        let turn = self.live.turns.acquire().await;
        // Closed only with the process.
        let _turn = turn.map_err(|_| FeedError::Ended)?;
        let changes = self.replay.page(known).await?;
        self.ready.extend(changes.into_iter().map(Ready::Change));
        Ok(())
    }

    /// Takes what the ring has, or waits for it.
    async fn follow(&mut self) -> Result<(), FeedError> {
        let epoch = self.replay.epoch().clone();
        let joined = self.group.get_or_insert_with(|| {
            let group = self.live.join(&epoch, &self.watch, &self.rendering);
            let news = group.news();
            Joined { group, news }
        });
        // Looked at first: what comes after these looks is news.
        joined.news.mark_unchanged();
        let published = self.live.published(&epoch);
        match joined.group.take(self.replay.position()) {
            Taken::Payloads(payloads) if payloads.is_empty() => {
                if let Some(published) = published {
                    self.replay.skip_to(published);
                }
                // The group holds the other end.
                let _ = joined.news.changed().await;
                Ok(())
            }
            Taken::Payloads(payloads) => {
                self.ready.extend(payloads.into_iter().map(Ready::Payload));
                Ok(())
            }
            Taken::Behind(from) => self.read(from).await,
            Taken::Unrouted => {
                let news = tokio::time::timeout(UNROUTED, joined.news.changed()).await;
                if news.is_err() {
                    // Perhaps it is the log of this listener that is gone.
                    self.read(self.replay.position()).await?;
                }
                Ok(())
            }
            Taken::Ended(error) => Err(error),
        }
    }
}
