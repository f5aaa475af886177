//! The task that follows the feed and renders each change for the groups it concerns.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_graphql::dynamic::Schema;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::coop::consume_budget;

use super::group::{Given, Group};
use super::render::{GroupKey, Rendering};
use super::rendered_page::Kept;
use super::routes::Routes;
use super::watched::Watched;
use crate::abort_on_drop::AbortOnDrop;
use crate::feed::{
    Change, Cursor, Epoch, Feed, FeedError, FeedItem, Position, Selection, Start, Subscription,
};

/// Time between attempts to follow the feed.
const RETRY: Duration = Duration::from_millis(100);
/// How many listeners read the log or a table at once; the rest wait for their turn. A thousand that come back
/// together must not block the database for everyone else.
const CATCHING_UP: usize = 8;

/// All live subscriptions of one schema. Cheap to clone; the router ends with the last clone.
#[derive(Clone)]
pub(crate) struct Live {
    pub(in crate::graphql) feed: Feed,
    pub(super) schema: Schema,
    /// Turns to read the log.
    pub(super) turns: Arc<Semaphore>,
    table: GroupTable,
    _task: Arc<AbortOnDrop>,
}

/// The groups, and how far the router has come. It is shared with the groups, which remove themselves from it.
#[derive(Clone, Default)]
pub(super) struct GroupTable(Arc<SharedGroups>);

#[derive(Default)]
struct SharedGroups {
    state: Mutex<RouterState>,
    /// Changes when the router has come further.
    progress: watch::Sender<()>,
    kept: Kept,
}

#[derive(Default)]
struct RouterState {
    routes: Routes,
    /// Each with its number.
    groups: HashMap<GroupKey, (u64, Weak<Group>)>,
    next: u64,
    /// The position of the router; `None` until it has begun.
    place: Option<RouterPosition>,
}

struct RouterPosition {
    epoch: Epoch,
    /// Every change up to here has been routed, though it may not be in the rings yet.
    routed: Position,
    /// Every change up to here is in the rings of the groups it concerns.
    published: Position,
}

impl GroupTable {
    fn locked<T>(&self, act: impl FnOnce(&mut RouterState) -> T) -> T {
        // A change of the state never panics half-way.
        let mut state = self.0.state.lock();
        act(&mut state)
    }

    /// The group of this key in this epoch, which is created if it does not exist.
    fn join(&self, epoch: &Epoch, watched: Arc<dyn Watched>, rendering: Rendering) -> Arc<Group> {
        let key = rendering.key();
        self.locked(|state| {
            let known = state
                .groups
                .get(&key)
                .and_then(|(_, group)| group.upgrade());
            if let Some(group) = known.filter(|group| group.epoch == *epoch) {
                return group;
            }
            state.next += 1;
            let number = state.next;
            let here = state.place.as_ref().filter(|place| place.epoch == *epoch);
            let (table, name) = (self.clone(), key.clone());
            let group = Arc::new(Group::new(
                number,
                Box::new(move |watched| table.leave(number, &name, watched)),
                epoch.clone(),
                watched,
                rendering,
                here.map(|place| place.routed),
            ));
            state.routes.insert(number, &group);
            state.groups.insert(key, (number, Arc::downgrade(&group)));
            group
        })
    }

    fn leave(&self, number: u64, key: &GroupKey, watched: &dyn Watched) {
        self.0.kept.forget(number);
        self.locked(|state| {
            state.routes.remove(number, watched);
            if state
                .groups
                .get(key)
                .is_some_and(|(found, _)| *found == number)
            {
                state.groups.remove(key);
            }
        });
    }

    /// Notes that the router starts over from here.
    fn begin(&self, epoch: &Epoch, position: Position) {
        let groups: Vec<Arc<Group>> = self.locked(|state| {
            state.place = Some(RouterPosition {
                epoch: epoch.clone(),
                routed: position,
                published: position,
            });
            let groups = state.groups.values();
            groups.filter_map(|(_, group)| group.upgrade()).collect()
        });
        for group in groups {
            if group.epoch == *epoch {
                group.forget(position);
            } else {
                group.end(FeedError::ResyncRequired);
            }
        }
    }

    /// Ends all groups: the log cannot be followed until an operator repairs it. Later subscribers make new
    /// groups.
    fn end(&self, error: &FeedError) {
        let groups: Vec<Arc<Group>> = self.locked(|state| {
            let groups = state.groups.drain();
            groups
                .filter_map(|(_, (_, group))| group.upgrade())
                .collect()
        });
        for group in groups {
            group.end(error.clone());
        }
    }

    /// The groups that the changes of one transaction concern, each with its changes. A listener that joins
    /// later reads these changes from the log.
    fn route(&self, changes: &[Arc<Change>]) -> Vec<(Arc<Group>, Vec<Arc<Change>>)> {
        let mut concerned: Vec<(Arc<Group>, Vec<Arc<Change>>)> = Vec::new();
        self.locked(|state| {
            if let (Some(place), Some(last)) = (&mut state.place, changes.last()) {
                place.routed = last.position;
            }
            let mut places = HashMap::new();
            for change in changes {
                for group in state.routes.concerned(change) {
                    let place = *places.entry(group.number).or_insert(concerned.len());
                    match concerned.get_mut(place) {
                        Some((_, of_group)) => of_group.push(Arc::clone(change)),
                        None => concerned.push((group, vec![Arc::clone(change)])),
                    }
                }
            }
        });
        concerned
    }

    fn publish(&self, position: Position) {
        self.locked(|state| {
            if let Some(place) = &mut state.place {
                place.routed = place.routed.max(position);
                place.published = position;
            }
        });
        self.0.progress.send_replace(());
    }

    fn published(&self, epoch: &Epoch) -> Option<Position> {
        self.locked(|state| {
            let place = state.place.as_ref()?;
            (place.epoch == *epoch).then_some(place.published)
        })
    }
}

impl Live {
    /// Starts the router.
    pub(crate) fn start(feed: Feed, schema: Schema) -> Self {
        let table = GroupTable::default();
        let router = Router {
            feed: feed.clone(),
            schema: schema.clone(),
            table: table.clone(),
        };
        let task = AbortOnDrop::spawn(router.run());
        Self {
            feed,
            schema,
            turns: Arc::new(Semaphore::new(CATCHING_UP)),
            table,
            _task: Arc::new(task),
        }
    }

    pub(super) fn join(
        &self,
        epoch: &Epoch,
        watched: Arc<dyn Watched>,
        rendering: Rendering,
    ) -> Arc<Group> {
        self.table.join(epoch, watched, rendering)
    }

    /// The position up to which the rings have everything.
    pub(super) fn published(&self, epoch: &Epoch) -> Option<Position> {
        self.table.published(epoch)
    }

    /// Pages that were read recently.
    pub(super) fn kept(&self) -> &Kept {
        &self.table.0.kept
    }

    /// Waits until the rings have everything up to a position.
    pub(super) async fn publishes(&self, epoch: &Epoch, until: Position) {
        // Subscribe first and look second, so that no progress is missed.
        let mut progress = self.table.0.progress.subscribe();
        while self.published(epoch).is_none_or(|here| here < until) {
            // The table has the sender.
            let _ = progress.changed().await;
        }
    }
}

struct Router {
    feed: Feed,
    schema: Schema,
    table: GroupTable,
}

impl Router {
    async fn run(self) {
        loop {
            let subscribed = self.feed.subscribe(&Start::Now, Selection::default());
            let ended = match subscribed.await {
                Ok(subscription) => self.follow(subscription).await,
                Err(error) => {
                    if !error.is_passing() {
                        self.table.end(&error);
                    }
                    error
                }
            };
            // Listeners keep their positions, and read from the log what they miss meanwhile.
            tracing::debug!(error = %ended, "live subscriptions start again");
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Routes changes until the feed returns an error.
    async fn follow(&self, mut subscription: Subscription) -> FeedError {
        let Cursor { epoch, position } = subscription.cursor();
        self.table.begin(&epoch, position);
        let mut given = Given::default();
        loop {
            let mut next = match subscription.next().await {
                Ok(FeedItem::Change(change)) => Some(change),
                Ok(FeedItem::CaughtUp) => None,
                Err(error) => return error,
            };
            let mut together: Vec<Arc<Change>> = Vec::new();
            while let Some(change) = next {
                let is_other =
                    |last: &Arc<Change>| last.row.transaction_id != change.row.transaction_id;
                if together.last().is_some_and(is_other) {
                    self.hand_out(&epoch, &together, &mut given).await;
                    together.clear();
                }
                together.push(change);
                next = subscription.next_ready();
            }
            // What was read at once ends with a transaction.
            self.hand_out(&epoch, &together, &mut given).await;
            self.table.publish(subscription.cursor().position);
        }
    }

    /// Renders changes of one transaction for the groups that they concern.
    async fn hand_out(&self, epoch: &Epoch, changes: &[Arc<Change>], given: &mut Given) {
        for (group, changes) in self.table.route(changes) {
            for parcel in group.watched.parcels(changes) {
                let Some(item) = group.watched.item(epoch, &parcel) else {
                    continue;
                };
                let Some(last) = parcel.last() else { continue };
                let cursor = Cursor::at(epoch, last.position);
                let rendering = group.rendering.render(&self.schema, item, &cursor);
                given.push(&group, rendering.await);
                // Rendering seldom waits for anything. Without this, a busy log would keep the listeners from
                // running on this thread.
                consume_budget().await;
            }
        }
    }
}
