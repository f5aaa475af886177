//! Which groups a change concerns. They are found by look-up, so that the cost of a change does not grow with
//! the number of subscriptions that it does not concern.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use seachange_changelog::internal::Equality;
use serde_json::Value as Json;

use super::group::Group;
use super::pinned::found as found_by;
use super::route_key::RouteKey;
use super::watched::Watched;
use crate::feed::Change;

/// Groups by their number: a group receives a change once, however many entries of the index lead to it.
type Groups = BTreeMap<u64, Weak<Group>>;

/// The index.
#[derive(Default)]
pub(super) struct Routes {
    /// The groups that want every entity.
    all: Groups,
    entities: HashMap<String, OfEntity>,
}

#[derive(Default)]
struct OfEntity {
    /// The groups that no column pins.
    whole: Groups,
    /// By column and value.
    pinned: HashMap<&'static str, Pinned>,
}

/// The groups that one column pins.
struct Pinned {
    /// When a row's value equals one of the pinned values.
    equality: Equality,
    by_value: HashMap<String, Groups>,
}

impl Routes {
    /// Puts a group into the index.
    pub(super) fn insert(&mut self, number: u64, group: &Arc<Group>) {
        for place in group.watched.places() {
            self.each(place, |groups| {
                groups.insert(number, Arc::downgrade(group));
            });
        }
    }

    /// Removes a group from the index.
    pub(super) fn remove(&mut self, number: u64, watched: &dyn Watched) {
        for place in watched.places() {
            self.each(place, |groups| {
                groups.remove(&number);
            });
        }
    }

    /// Acts on the sets of a place. They are created if they do not exist, and dropped if they are empty
    /// afterwards.
    fn each(&mut self, place: RouteKey, mut act: impl FnMut(&mut Groups)) {
        match place {
            RouteKey::All => act(&mut self.all),
            RouteKey::Entity(entity) => act(&mut self.entities.entry(entity).or_default().whole),
            RouteKey::Pinned {
                entity,
                column,
                equality,
                values,
            } => {
                let of_entity = self.entities.entry(entity).or_default();
                let pinned = of_entity.pinned.entry(column).or_insert(Pinned {
                    equality,
                    by_value: HashMap::new(),
                });
                let by_value = &mut pinned.by_value;
                for value in values {
                    let groups = by_value.entry(value.clone()).or_default();
                    act(groups);
                    if groups.is_empty() {
                        by_value.remove(&value);
                    }
                }
                if by_value.is_empty() {
                    of_entity.pinned.remove(column);
                }
            }
        }
    }

    /// The groups that a change may concern, each once, in the order in which they were created.
    pub(super) fn concerned(&self, change: &Change) -> Vec<Arc<Group>> {
        let mut found: BTreeMap<u64, Arc<Group>> = BTreeMap::new();
        let mut take = |groups: &Groups| {
            let living = groups
                .iter()
                .filter_map(|(number, group)| Some((*number, group.upgrade()?)));
            found.extend(living);
        };
        take(&self.all);
        if let Some(of_entity) = self.entities.get(&change.row.entity) {
            take(&of_entity.whole);
            for (column, Pinned { equality, by_value }) in &of_entity.pinned {
                // A row that leaves a filter concerns the filter as well.
                let images = [&change.row.before, &change.row.after];
                let values = images.into_iter().flatten();
                let values = values
                    .map(|image| found_by(equality, image.get(column).unwrap_or(&Json::Null)));
                for value in values.collect::<BTreeSet<_>>() {
                    if let Some(groups) = by_value.get(&value) {
                        take(groups);
                    }
                }
            }
        }
        found.into_values().collect()
    }
}
