//! A piece of the log as a group's subscribers see it: read once and rendered once for all listeners that need
//! it. A thousand that come back together, or fall behind together, cost what one does.
//!
//! Listeners that are reading a page hold it. The pages last read to their ends are kept a little longer, for
//! listeners that come just afterwards. Of these only the rendered bytes are kept, without the changes, and
//! their bytes are bounded over all groups.
//! groups together.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, MutexGuard, OnceCell};

use super::render::Payload;
use crate::feed::{Change, Position};

/// How many pages are kept after they were read. A page is kept only if it has at least this many changes
/// (fewer are cheap to read again) and at most this many bytes.
const KEPT: usize = 16;
const KEPT_CHANGES: usize = 64;
const KEPT_BYTES: usize = 512 * 1024;

/// The changes in `(from, to]` that the group may want.
pub(super) struct RenderedPage {
    from: Position,
    pub(super) to: Position,
    changes: Vec<Entry>,
}

struct Entry {
    /// The position of the last change of the parcel.
    position: Position,
    /// Empty in a kept page, which has the payload instead; never empty otherwise.
    parcel: Vec<Arc<Change>>,
    payload: OnceCell<Seen>,
}

/// Made by the first listener that reaches it; `None` if the group does not see the change.
type Seen = Option<Arc<Payload>>;

impl RenderedPage {
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

    /// The rendered part of the page, up to its end; `None` if that is too little or too much to be kept.
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

    /// What the group sees at this place, rendered by the first listener that reaches it; `None` after the
    /// last. `render` gets changes and the position of the last of them.
    pub(super) async fn payload<'a, R>(
        &'a self,
        place: usize,
        render: impl FnOnce(&'a [Arc<Change>], Position) -> R,
    ) -> Option<Seen>
    where
        R: Future<Output = Option<Payload>>,
    {
        let entry = self.changes.get(place)?;
        // Boxed, because only the first listener needs the memory.
        let render = || {
            // The changes are present as long as the payload is missing.
            let rendered = render(&entry.parcel, entry.position);
            Box::pin(async { rendered.await.map(Arc::new) })
        };
        Some(entry.payload.get_or_init(render).await.clone())
    }
}

/// The pages that a group's subscribers are reading.
#[derive(Default)]
pub(super) struct RenderedPages {
    known: Mutex<Vec<Weak<RenderedPage>>>,
    reading: Turn<()>,
}

impl RenderedPages {
    /// Waits until no listener of the group reads the log. What was read meanwhile is then found here.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// The page that continues from a position.
    pub(super) fn after(&self, position: Position) -> Option<Arc<RenderedPage>> {
        let known = self.known.lock();
        let mut pages = known.iter().filter_map(Weak::upgrade);
        pages.find(|page| page.leads_on(position))
    }

    pub(super) fn keep(&self, page: &Arc<RenderedPage>) {
        let mut known = self.known.lock();
        known.retain(|page| page.strong_count() > 0);
        known.push(Arc::downgrade(page));
    }
}

/// Pages that are no longer being read, of all groups by their numbers; the newest come last.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<(u64, Arc<RenderedPage>)>>);

impl Kept {
    /// The page of a group that continues from a position.
    pub(super) fn after(&self, group: u64, position: Position) -> Option<Arc<RenderedPage>> {
        let pages = self.0.lock();
        let mut found = pages.iter().rev();
        let found = found.find(|(of, page)| *of == group && page.leads_on(position));
        found.map(|(_, page)| Arc::clone(page))
    }

    /// Keeps a page whose end one of its readers has reached, unless its content is already kept.
    pub(super) fn keep(&self, group: u64, page: &RenderedPage) {
        if self
            .after(group, page.from)
            .is_some_and(|kept| kept.to >= page.to)
        {
            return;
        }
        let Some(rendered) = page.rendered() else {
            return;
        };
        let mut pages = self.0.lock();
        pages.push_back((group, Arc::new(rendered)));
        if pages.len() > KEPT {
            pages.pop_front();
        }
    }

    /// Drops the kept pages of a group.
    pub(super) fn forget(&self, group: u64) {
        let mut pages = self.0.lock();
        pages.retain(|(of, _)| *of != group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(id: i64) -> Position {
        Position::of_parts([1, 0, id])
    }

    /// The changes `from + 1 ..= to`, of which those after `rendered` have their payloads.
    fn page(from: i64, to: i64, rendered: i64, json: &str) -> RenderedPage {
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
                payload: if id > rendered {
                    OnceCell::new_with(Some(Some(Arc::new(payload))))
                } else {
                    OnceCell::new()
                },
            }
        };
        RenderedPage {
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
            let id_of = |position: Position| position.parts()[2];
            page.map(|page| {
                (
                    id_of(page.from),
                    id_of(page.to),
                    page.first_after(position(id)),
                )
            })
        };
        assert_eq!(found(1, 0), Some((0, 200, 0)));
        assert_eq!(found(1, 150), Some((0, 200, 150)));
        // Nothing comes after its end, and the page of another group is not found.
        assert_eq!(found(1, 200), None);
        assert_eq!(found(2, 150), None);
        // Changes that were not rendered are not in it.
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
