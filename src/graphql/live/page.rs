//! A piece of the log as a group's subscribers see it: read once and rendered once for all of them who
//! are there. A thousand that come back together, or fall behind together, cost what one does.
//!
//! Kept by those who are reading it, and by nobody else.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_graphql::dynamic::Schema;
use tokio::sync::{Mutex as Turn, MutexGuard, OnceCell};

use super::group::Group;
use super::render::Payload;
use crate::feed::{Change, Cursor, Position};

/// Changes in `(from, to]`: all of them that the group may want.
pub(super) struct Page {
    from: Position,
    pub(super) to: Position,
    changes: Vec<Entry>,
}

struct Entry {
    /// What is told at once; never none.
    parcel: Vec<Arc<Change>>,
    /// Made by whoever comes to it first; `None` if the group does not see the change.
    payload: OnceCell<Option<Arc<Payload>>>,
}

impl Entry {
    fn end(&self) -> Option<Position> {
        self.parcel.last().map(|change| change.position)
    }
}

impl Page {
    pub(super) fn new(from: Position, to: Position, parcels: Vec<Vec<Arc<Change>>>) -> Self {
        let entries = parcels.into_iter().map(|parcel| Entry {
            parcel,
            payload: OnceCell::new(),
        });
        Self {
            from,
            to,
            changes: entries.collect(),
        }
    }

    /// The place of the first change after a position.
    pub(super) fn first_after(&self, position: Position) -> usize {
        self.changes
            .partition_point(|entry| entry.end().is_some_and(|end| end <= position))
    }

    /// What the group sees at this place; `None` after the last.
    pub(super) async fn payload(
        &self,
        place: usize,
        group: &Group,
        schema: &Schema,
    ) -> Option<Option<Arc<Payload>>> {
        let entry = self.changes.get(place)?;
        // In a box: only the first to come here needs the room.
        let render = || {
            Box::pin(async {
                let item = group.watch.item(&group.epoch, &entry.parcel)?;
                let at = Cursor::at(&group.epoch, entry.end()?);
                Some(Arc::new(group.rendering.render(schema, item, &at).await))
            })
        };
        Some(entry.payload.get_or_init(render).await.clone())
    }
}

/// The pages that a group's subscribers are reading.
#[derive(Default)]
pub(super) struct Pages {
    known: Mutex<Vec<Weak<Page>>>,
    reading: Turn<()>,
}

impl Pages {
    /// Waits until nobody of the group reads the log: what was read meanwhile is found here.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// The page that goes on from a position.
    pub(super) fn after(&self, position: Position) -> Option<Arc<Page>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pages = known.iter().filter_map(Weak::upgrade);
        pages.find(|page| page.from <= position && position < page.to)
    }

    pub(super) fn keep(&self, page: &Arc<Page>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|page| page.strong_count() > 0);
        known.push(Arc::downgrade(page));
    }
}
