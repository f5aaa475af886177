//! A piece of the log as a group's subscribers see it: read once and rendered once for all of them who
//! are there. A thousand that come back together, or fall behind together, cost what one does.
//!
//! Held by those who are reading it. The last ones read to their ends are kept a little longer, for those
//! who come just afterwards: what was rendered, without the changes themselves, and so many bytes of all
//! groups together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, MutexGuard, OnceCell};

use super::render::Payload;
use crate::feed::{Change, Position};

/// Pages kept when nobody reads them. Each has so many changes at least, fewer are soon read again, and
/// so many bytes at most.
const KEPT: usize = 16;
const KEPT_CHANGES: usize = 64;
const KEPT_BYTES: usize = 512 * 1024;

/// Changes in `(from, to]`: all of them that the group may want.
pub(super) struct Page {
    from: Position,
    pub(super) to: Position,
    changes: Vec<Entry>,
}

struct Entry {
    /// Of the last change of what is told at once.
    position: Position,
    /// Gone when the payload is there and nobody reads the page; else never none.
    parcel: Vec<Arc<Change>>,
    payload: OnceCell<Seen>,
}

/// Made by whoever comes to it first; `None` if the group does not see the change.
type Seen = Option<Arc<Payload>>;

impl Page {
    pub(super) fn new(from: Position, to: Position, parcels: Vec<Vec<Arc<Change>>>) -> Self {
        let entries = parcels.into_iter().map(|parcel| Entry {
            position: parcel.last().map_or(from, |last| last.position),
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
            .partition_point(|entry| entry.position <= position)
    }

    fn leads_on(&self, position: Position) -> bool {
        self.from <= position && position < self.to
    }

    /// What is rendered of it up to its end; `None` if that is too little or too much to be kept.
    fn rendered(&self) -> Option<Self> {
        let mut page = Self {
            from: self.from,
            to: self.to,
            changes: Vec::new(),
        };
        let mut bytes = 0;
        for Entry {
            position, payload, ..
        } in self.changes.iter().rev()
        {
            let Some(seen) = payload.get() else {
                page.from = *position;
                break;
            };
            bytes += size_of::<Entry>();
            bytes += seen.as_ref().map_or(0, |payload| payload.json.len());
            page.changes.push(Entry {
                position: *position,
                parcel: Vec::new(),
                payload: OnceCell::new_with(Some(seen.clone())),
            });
        }
        page.changes.reverse();
        (page.changes.len() >= KEPT_CHANGES && bytes <= KEPT_BYTES).then_some(page)
    }

    /// What the group sees at this place, rendered if nobody has come here before; `None` after the last.
    /// `render` gets changes and the position of the last of them.
    pub(super) async fn payload<'a, R>(
        &'a self,
        place: usize,
        render: impl FnOnce(&'a [Arc<Change>], Position) -> R,
    ) -> Option<Seen>
    where
        R: Future<Output = Option<Payload>>,
    {
        let entry = self.changes.get(place)?;
        // In a box: only the first to come here needs the room.
        let render = || {
            // Its changes are there as long as its payload is not.
            let rendered = render(&entry.parcel, entry.position);
            Box::pin(async { rendered.await.map(Arc::new) })
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
        pages.find(|page| page.leads_on(position))
    }

    pub(super) fn keep(&self, page: &Arc<Page>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|page| page.strong_count() > 0);
        known.push(Arc::downgrade(page));
    }
}

/// Pages that nobody reads any more, of all groups by their numbers; the newest last.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<(u64, Arc<Page>)>>);

impl Kept {
    /// The page of a group that goes on from a position.
    pub(super) fn after(&self, group: u64, position: Position) -> Option<Arc<Page>> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = pages.iter().rev();
        let found = found.find(|(of, page)| *of == group && page.leads_on(position));
        found.map(|(_, page)| Arc::clone(page))
    }

    /// Keeps a page that one of its readers has come to the end of, unless what it has is kept already.
    pub(super) fn keep(&self, group: u64, page: &Page) {
        if self
            .after(group, page.from)
            .is_some_and(|kept| kept.to >= page.to)
        {
            return;
        }
        let Some(rendered) = page.rendered() else {
            return;
        };
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.push_back((group, Arc::new(rendered)));
        if pages.len() > KEPT {
            pages.pop_front();
        }
    }

    /// Lets go of a group's pages.
    pub(super) fn forget(&self, group: u64) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|(of, _)| *of != group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(id: i64) -> Position {
        Position {
            batch: 1,
            last: 0,
            id,
        }
    }

    /// The changes `from + 1 ..= to`, of which those after `rendered` have their payloads.
    fn page(from: i64, to: i64, rendered: i64, json: &str) -> Page {
        let entry = |id: i64| {
            let payload = Payload {
                position: position(id),
                cursor: None,
                json: json.into(),
                errors: Vec::new(),
            };
            Entry {
                position: position(id),
                parcel: Vec::new(),
                payload: match id > rendered {
                    true => OnceCell::new_with(Some(Some(Arc::new(payload)))),
                    false => OnceCell::new(),
                },
            }
        };
        Page {
            from: position(from),
            to: position(to),
            changes: (from + 1..=to).map(entry).collect(),
        }
    }

    #[test]
    fn what_is_rendered_is_kept() {
        let kept = Kept::default();
        kept.keep(1, &page(0, 200, 0, "{}"));
        kept.keep(2, &page(1_000, 1_500, 1_300, "{}"));
        let found = |group, id| {
            let page = kept.after(group, position(id));
            page.map(|page| (page.from.id, page.to.id, page.first_after(position(id))))
        };
        assert_eq!(found(1, 0), Some((0, 200, 0)));
        assert_eq!(found(1, 150), Some((0, 200, 150)));
        // Nothing comes after its end, and another group's page is none.
        assert_eq!(found(1, 200), None);
        assert_eq!(found(2, 150), None);
        // What nobody has rendered is not in it.
        assert_eq!(found(2, 1_299), None);
        assert_eq!(found(2, 1_300), Some((1_300, 1_500, 0)));
        kept.forget(2);
        assert_eq!(found(2, 1_300), None);
    }

    #[test]
    fn not_too_little_not_too_much_not_too_many() {
        let kept = Kept::default();
        let large = "x".repeat(KEPT_BYTES / 100);
        for page in [
            page(0, 10, 0, "{}"),
            page(0, 500, 500, "{}"),
            page(0, 500, 0, &large),
        ] {
            kept.keep(1, &page);
            assert!(kept.after(1, position(5)).is_none());
        }
        for group in 0..100 {
            kept.keep(group, &page(0, 100, 0, "{}"));
            kept.keep(group, &page(0, 100, 0, "{}"));
        }
        let found = (0..100).filter(|group| kept.after(*group, position(0)).is_some());
        assert_eq!(found.collect::<Vec<_>>(), (84..100).collect::<Vec<u64>>());
    }
}
