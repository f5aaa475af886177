//! Subscriptions that are sent the same bytes, and the ring of what they were sent recently.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::render::{Payload, Rendering};
use super::rendered_page::RenderedPages;
use super::watched::Watched;
use crate::feed::{Epoch, FeedError, Position};

/// Payloads that a group keeps for listeners a little behind. Listeners further behind read the
/// log.
const KEPT: usize = 256;
/// Bytes of these payloads.
const KEPT_BYTES: usize = 256 * 1024;
/// Bytes that all groups keep together. There may be as many groups as subscribers.
const ALL_KEPT_BYTES: usize = 16 * 1024 * 1024;
/// How many payloads are handed over at a time, and about how many bytes of them.
pub(super) const TOGETHER: usize = 64;
pub(super) const TOGETHER_BYTES: usize = 64 * 1024;

pub(super) struct Group {
    /// Unique among all groups.
    pub(super) number: u64,
    /// Removes the group from the table of groups; called when its last listener is gone.
    leave: Box<Leave>,
    pub(super) epoch: Epoch,
    pub(super) watched: Arc<dyn Watched>,
    pub(super) rendering: Rendering,
    /// The pages that listeners behind the ring are reading.
    pub(super) pages: RenderedPages,
    ring: Mutex<Ring>,
    /// Changes whenever the ring does.
    news: watch::Sender<()>,
}

/// What is done when a group has no more listeners.
pub(super) type Leave = dyn Fn(&dyn Watched) + Send + Sync;

struct Ring {
    payloads: VecDeque<Arc<Payload>>,
    bytes: usize,
    /// Everything after this position is in the ring, as far as the router has come. `None` while
    /// the router does not follow this epoch.
    from: Option<Position>,
    ended: Option<FeedError>,
}

/// What the ring has for a listener.
pub(super) enum Taken {
    /// These, in order; empty if there is nothing new.
    Payloads(Vec<Arc<Payload>>),
    /// The ring begins only at this position; what is before must be read from the log.
    Behind(Position),
    /// It is unknown whether anything will come: the router does not follow this epoch, or not yet.
    Unrouted,
    /// Nothing more will come.
    Ended(FeedError),
}

impl Group {
    pub(super) fn new(
        number: u64,
        leave: Box<Leave>,
        epoch: Epoch,
        watched: Arc<dyn Watched>,
        rendering: Rendering,
        from: Option<Position>,
    ) -> Self {
        Self {
            number,
            leave,
            epoch,
            watched,
            rendering,
            pages: RenderedPages::default(),
            ring: Mutex::new(Ring {
                payloads: VecDeque::new(),
                bytes: 0,
                from,
                ended: None,
            }),
            news: watch::Sender::new(()),
        }
    }

    fn ring<T>(&self, act: impl FnOnce(&mut Ring) -> T) -> T {
        act(&mut self.ring.lock())
    }

    /// To be subscribed before a [`take`](Self::take), and awaited if that found nothing.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Takes what the ring has after a position.
    pub(super) fn take(&self, after: Position) -> Taken {
        self.ring(|ring| {
            if let Some(error) = &ring.ended {
                return Taken::Ended(error.clone());
            }
            match ring.from {
                None => return Taken::Unrouted,
                Some(from) if after < from => return Taken::Behind(from),
                Some(_) => {}
            }
            let first = ring
                .payloads
                .partition_point(|payload| payload.position <= after);
            let mut bytes = 0;
            let fits = |payload: &&Arc<Payload>| {
                let fits = bytes < TOGETHER_BYTES;
                bytes += payload.json.len();
                fits
            };
            let next = ring.payloads.range(first..).take(TOGETHER);
            Taken::Payloads(next.take_while(fits).cloned().collect())
        })
    }

    fn push(&self, payload: Payload) {
        self.ring(|ring| {
            ring.bytes += payload.json.len();
            ring.payloads.push_back(Arc::new(payload));
            while ring.payloads.len() > KEPT || ring.bytes > KEPT_BYTES {
                ring.drop_oldest();
            }
        });
        self.news.send_replace(());
    }

    /// Drops the payloads up to a position.
    fn drop_until(&self, position: Position) {
        self.ring(|ring| {
            while ring
                .payloads
                .front()
                .is_some_and(|oldest| oldest.position <= position)
            {
                ring.drop_oldest();
            }
        });
    }

    /// Empties the ring: everything up to this position must then be read from the log.
    pub(super) fn forget(&self, until: Position) {
        self.ring(|ring| {
            ring.payloads.clear();
            ring.bytes = 0;
            ring.from = Some(until);
        });
        self.news.send_replace(());
    }

    pub(super) fn end(&self, error: FeedError) {
        self.ring(|ring| {
            ring.payloads.clear();
            ring.ended = Some(error);
        });
        self.news.send_replace(());
    }
}

impl Ring {
    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.payloads.pop_front() {
            self.bytes -= oldest.json.len();
            self.from = Some(oldest.position);
        }
    }
}

/// What the rings were given, in order. The oldest payload is dropped first, whichever group it
/// belongs to.
#[derive(Default)]
pub(super) struct Given {
    payloads: VecDeque<(Weak<Group>, Position, usize)>,
    bytes: usize,
}

impl Given {
    /// Gives a group's ring a payload.
    pub(super) fn push(&mut self, group: &Arc<Group>, payload: Payload) {
        let (position, bytes) = (payload.position, payload.size());
        group.push(payload);
        self.payloads
            .push_back((Arc::downgrade(group), position, bytes));
        self.bytes += bytes;
        while self.bytes > ALL_KEPT_BYTES {
            let Some((group, position, bytes)) = self.payloads.pop_front() else {
                break;
            };
            self.bytes -= bytes;
            if let Some(group) = group.upgrade() {
                group.drop_until(position);
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        (self.leave)(&*self.watched);
    }
}
