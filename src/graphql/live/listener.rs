//! One subscriber: its position, and what comes after it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::group::{Group, TOGETHER, TOGETHER_BYTES, Taken};
use super::initial::Initial;
use super::plan::{Begin, Plan};
use super::render::{Payload, Rendering};
use super::rendered_page::RenderedPage;
use super::router::Live;
use super::watched::Item;
use crate::feed::{Change, Cursor, FeedError, Position, Replay, Start};
use crate::graphql::error::Refusal;

/// How long the router may take to reach the position that was the log's end when a listener came.
const ROUTING: Duration = Duration::from_millis(500);
/// Time between looks at a log that the router does not follow.
const UNROUTED: Duration = Duration::from_secs(1);

/// The payloads of one subscription, as many at a time as are ready, at least one. Ends after an error.
pub(crate) fn listen(
    live: Live,
    plan: Plan,
    rendering: Rendering,
) -> impl Stream<Item = Result<Vec<Arc<Payload>>, Refusal>> + Send {
    let start = Some(Phase::Opening(Box::new((live, plan, rendering))));
    stream::unfold(start, |phase| async {
        let listener = match phase? {
            Phase::Opening(parts) => {
                let (live, plan, rendering) = *parts;
                // Rare steps are boxed, because otherwise each listener would reserve memory for them for its
                // whole life.
                Box::pin(Listener::open(live, plan, rendering))
                    .await
                    .map(Box::new)
            }
            Phase::Listening(listener) => Ok(listener),
        };
        let next = async {
            let mut listener = listener?;
            let payloads = listener.next().await?;
            Ok((payloads, listener))
        };
        match next.await {
            Ok((payloads, listener)) => Some((Ok(payloads), Some(Phase::Listening(listener)))),
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
    group: Arc<Group>,
    news: watch::Receiver<()>,
    /// The rows that come before everything else.
    initial: Option<Initial>,
    replay: Replay,
    /// Up to this position it reads the log, whether or not the router has come so far.
    head: Position,
    /// Whether reaching `head` is to be announced.
    announces: bool,
    /// A page of the log, and the place in it of what comes next.
    page: Option<(Arc<RenderedPage>, usize)>,
}

impl Listener {
    async fn open(live: Live, plan: Plan, rendering: Rendering) -> Result<Self, Refusal> {
        let Plan { watched, begin } = plan;
        let mut initial = None;
        let mut announces = watched.rows().is_some();
        let (replay, head) = match (begin, watched.rows()) {
            (Begin::WithRows, Some(rows)) => {
                let opened = Initial::open(&live.feed, rows.source()).await?;
                let replay = opened.replay(&*watched);
                // For this subscription, caught up means that all initial rows have been sent.
                let head = replay.position();
                initial = Some(opened);
                (replay, head)
            }
            (begin, _) => {
                let start = match begin {
                    Begin::From(start) => start,
                    Begin::Now | Begin::WithRows => {
                        announces = false;
                        Start::Now
                    }
                };
                let replay = live.feed.replay(&start, watched.selection(), watched.row());
                replay.await?
            }
        };
        let group = live.join(replay.epoch(), watched, rendering);
        Ok(Self {
            live,
            news: group.news(),
            group,
            initial,
            replay,
            head,
            announces,
            page: None,
        })
    }

    /// The next payloads, at least one; waits for them. Cancel-safe except for initial rows.
    async fn next(&mut self) -> Result<Vec<Arc<Payload>>, Refusal> {
        if let Some(initial) = &mut self.initial {
            let at = initial.cursor().clone();
            let row = Box::pin(initial.next()).await?;
            match row.zip(self.group.watched.rows()) {
                Some((row, rows)) => {
                    let item = rows.initial(row, &at);
                    return Ok(vec![self.render(item, &at).await]);
                }
                None => self.initial = None,
            }
        }
        loop {
            let payloads = self.of_page().await;
            if !payloads.is_empty() {
                return Ok(payloads);
            }
            if self.announces && self.replay.position() >= self.head {
                self.announces = false;
                let at = self.replay.cursor();
                if let Some(rows) = self.group.watched.rows() {
                    let item = rows.caught_up(&at);
                    return Ok(vec![self.render(item, &at).await]);
                }
            }
            let payloads = self.follow().await?;
            if !payloads.is_empty() {
                return Ok(payloads);
            }
        }
    }

    /// The next payloads of the page; empty at its end.
    async fn of_page(&mut self) -> Vec<Arc<Payload>> {
        let mut payloads = Vec::new();
        let Some((page, place)) = &mut self.page else {
            return payloads;
        };
        let (mut bytes, mut at) = (0, *place);
        while payloads.len() < TOGETHER && bytes < TOGETHER_BYTES {
            let (group, schema) = (&self.group, &self.live.schema);
            let render = async |changes: &[Arc<Change>], position| {
                let item = group.watched.item(&group.epoch, changes)?;
                let cursor = Cursor::at(&group.epoch, position);
                Some(group.rendering.render(schema, item, &cursor).await)
            };
            let Some(payload) = page.payload(at, render).await else {
                break;
            };
            at += 1;
            bytes += payload.as_ref().map_or(0, |payload| payload.json.len());
            payloads.extend(payload);
        }
        *place = at;
        if payloads.is_empty()
            && let Some((page, _)) = self.page.take()
        {
            self.live.kept().keep(self.group.number, &page);
        }
        payloads
    }

    async fn render(&self, item: Item, at: &Cursor) -> Arc<Payload> {
        let rendering = self.group.rendering.render(&self.live.schema, item, at);
        Arc::new(Box::pin(rendering).await)
    }

    /// Takes what the ring has; if that is nothing, reads the log or waits.
    async fn follow(&mut self) -> Result<Vec<Arc<Payload>>, FeedError> {
        // This comes first, so that anything after the following looks counts as news.
        self.news.mark_unchanged();
        let published = self.live.published(self.replay.epoch());
        match self.group.take(self.replay.position()) {
            Taken::Payloads(payloads) => {
                let last = payloads.last().map(|payload| payload.position);
                if let Some(position) = last.or(published) {
                    self.replay.skip_to(position);
                }
                if last.is_some() {
                    return Ok(payloads);
                }
                if self.replay.position() < self.head {
                    Box::pin(self.reach_head()).await?;
                } else if !self.announces {
                    // The group, which this listener holds, has the sender.
                    let _ = self.news.changed().await;
                }
            }
            Taken::Behind(from) => Box::pin(self.read(from.max(self.head))).await?,
            Taken::Unrouted if self.replay.position() < self.head => {
                Box::pin(self.read(self.head)).await?;
            }
            Taken::Unrouted => {
                let news = tokio::time::timeout(UNROUTED, self.news.changed()).await;
                if news.is_err() {
                    // Perhaps the log of this listener has been replaced.
                    Box::pin(self.read(self.replay.position())).await?;
                }
            }
            Taken::Ended(error) => return Err(error),
        }
        Ok(Vec::new())
    }

    /// Waits for the router, which is about to have everything that existed at the beginning; reads the log if
    /// that takes long. If listeners read at once, all that come while changes flow would read the log: the
    /// further the router is behind, the more they would read, and the further it would fall behind.
    async fn reach_head(&mut self) -> Result<(), FeedError> {
        let published = self.live.publishes(self.replay.epoch(), self.head);
        tokio::select! {
            _ = self.news.changed() => Ok(()),
            waited = tokio::time::timeout(ROUTING, published) => match waited {
                Ok(()) => Ok(()),
                Err(_) => self.read(self.head).await,
            },
        }
    }

    /// Continues with a page of the log that another listener of the group is reading or has read, or reads one
    /// when it is this listener's turn.
    async fn read(&mut self, known: Position) -> Result<(), FeedError> {
        let after = self.replay.position();
        let page = match self.known_page(after) {
            Some(page) => page,
            None => self.next_page(after, known).await?,
        };
        self.replay.skip_to(page.to);
        let place = page.first_after(after);
        self.page = Some((page, place));
        Ok(())
    }

    fn known_page(&self, after: Position) -> Option<Arc<RenderedPage>> {
        let kept = || self.live.kept().after(self.group.number, after);
        self.group.pages.after(after).or_else(kept)
    }

    async fn next_page(
        &mut self,
        after: Position,
        known: Position,
    ) -> Result<Arc<RenderedPage>, FeedError> {
        let group = Arc::clone(&self.group);
        let _turn = group.pages.turn().await;
        if let Some(page) = self.known_page(after) {
            return Ok(page);
        }
        let turn = self.live.turns.acquire().await;
        // The semaphore is closed only with the process.
        let _turn = turn.map_err(|_| FeedError::Ended)?;
        let changes = self.replay.page(known).await?;
        let parcels = group.watched.parcels(changes);
        let page = Arc::new(RenderedPage::new(after, self.replay.position(), parcels));
        group.pages.keep(&page);
        Ok(page)
    }
}
