//! Parents of one level, gathered until no more come, and answered together.
//!
//! async-graphql resolves the fields of a level in one task, one after another, and each waits for its
//! children. Whoever is first in a level lets the others come before it reads: it yields until nobody
//! has come between two yields. (async-graphql's own loader waits for a millisecond by the clock, and a
//! large level does not fit into that.) The statement runs in a task of its own, which the first starts
//! even when it is dropped itself because another field of the request has failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::Pos;
use async_graphql::dynamic::ResolverContext;
use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;

use super::level::{Children, Level, Page, Parent};
use crate::graphql::budget::Budget;
use crate::graphql::error::Refusal;

/// A field of the document: where it stands, and of which relation it is. A fragment may be of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pos: Pos,
    level: usize,
}

impl Place {
    pub(super) fn of(ctx: &ResolverContext<'_>, level: &Arc<Level>) -> Self {
        Self {
            pos: ctx.item.pos,
            level: Arc::as_ptr(level) as usize,
        }
    }
}

/// How a level is read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) level: Arc<Level>,
    pub(super) page: Arc<Page>,
    pub(super) db: DatabaseConnection,
    pub(super) budget: Budget,
}

type Answer = Result<Arc<Children>, Refusal>;

/// The levels of one request. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::graphql) struct Batches(Arc<Mutex<Fields>>);

#[derive(Default)]
struct Fields {
    pages: HashMap<Place, Arc<Page>>,
    waiting: HashMap<Place, Waiting>,
}

/// Parents of which nobody has read the children yet, each with those who wait for them.
type Waiting = HashMap<Parent, Vec<oneshot::Sender<Answer>>>;

impl Batches {
    fn lock(&self) -> MutexGuard<'_, Fields> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page that a field asks for, read from its arguments once.
    pub(super) fn page(
        &self,
        place: Place,
        read: impl FnOnce() -> Result<Page, Refusal>,
    ) -> Result<Arc<Page>, Refusal> {
        if let Some(page) = self.lock().pages.get(&place) {
            return Ok(Arc::clone(page));
        }
        let page = Arc::new(read()?);
        self.lock().pages.insert(place, Arc::clone(&page));
        Ok(page)
    }

    /// The children of a parent.
    pub(super) async fn load(&self, place: Place, reading: Reading, parent: Parent) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let is_first = {
            let mut fields = self.lock();
            let waiting = fields.waiting.entry(place).or_default();
            let is_first = waiting.is_empty();
            waiting.entry(parent).or_default().push(sender);
            is_first
        };
        if is_first {
            let lead = Lead {
                batches: self.clone(),
                place,
                reading,
            };
            lead.settle().await;
        }
        let answer = receiver.await;
        answer.unwrap_or_else(|_| Err(Refusal::internal(&"a level was not read")))
    }
}

/// Reads a level when it is dropped.
struct Lead {
    batches: Batches,
    place: Place,
    reading: Reading,
}

impl Lead {
    /// Waits until nobody has come between two yields.
    async fn settle(self) {
        let mut seen = 0;
        loop {
            let count = self.count();
            if count == seen {
                return;
            }
            seen = count;
            // Wakes this task only after all others that are ready, those of its siblings among them.
            tokio::task::yield_now().await;
        }
    }

    fn count(&self) -> usize {
        let fields = self.batches.lock();
        let waiting = fields.waiting.get(&self.place);
        waiting.map_or(0, |waiting| waiting.values().map(Vec::len).sum())
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let waiting = self.batches.lock().waiting.remove(&self.place);
        let (Some(waiting), Ok(runtime)) = (waiting, tokio::runtime::Handle::try_current()) else {
            return;
        };
        let reading = self.reading.clone();
        runtime.spawn(async move { answer(&reading, waiting).await });
    }
}

async fn answer(reading: &Reading, waiting: Waiting) {
    let Reading {
        level,
        page,
        db,
        budget,
    } = reading;
    let parents: Vec<&Parent> = waiting.keys().collect();
    let children = match level.read((db, budget), page, &parents).await {
        Ok(children) => children,
        Err(refusal) => {
            for sender in waiting.into_values().flatten() {
                // Nobody is there any more: nothing to tell them.
                let _ = sender.send(Err(refusal.clone()));
            }
            return;
        }
    };
    let none = Arc::new(Children::default());
    for (parent, senders) in waiting {
        let found = children.get(&parent).unwrap_or(&none);
        for sender in senders {
            let _ = sender.send(Ok(Arc::clone(found)));
        }
    }
}
