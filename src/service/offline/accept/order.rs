//! The order in which rows are to be written so that none blocks another, as far as their values show.
//!
//! No catalogue is read. If one row takes a value that another gives up in the same column, or one that the database
//! may consider equal to it, or that is another's key, the first probably has to wait for the other. If nothing
//! depends on that, the order does no harm.

use std::collections::HashMap;

use sea_orm::ColumnType;
use sea_orm::sea_query::StringLen;
use seachange_changelog::Image;
use serde_json::Value as Json;
use uuid::Uuid;

use super::similar_values::SimilarValues;
use crate::service::entity::ColumnInfo;
use crate::service::offline::synced::Synced;
use crate::sync::State;

pub(super) struct Standing {
    /// Its place in the batch.
    pub(super) place: usize,
    pub(super) key: Image,
    /// The row as it is stored; `None` if it does not exist.
    pub(super) stored: Option<Image>,
    /// The row as it is to be.
    pub(super) wanted: State,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Order {
    /// Their places in the batch; rows that others wait for come first.
    pub(super) places: Vec<usize>,
    /// Rows that wait for one that waits for them. Without them in the way, the order would work.
    in_rings: Vec<usize>,
}

/// A value in a column.
type Named<'a> = (&'a str, &'a Json);

impl Standing {
    fn is_insert(&self) -> bool {
        self.stored.is_none() && !self.wanted.is_deleted
    }

    /// The key, if it is one column.
    fn single_key(&self) -> Option<&Json> {
        let mut parts = self.key.values();
        parts.next().filter(|_| parts.next().is_none())
    }

    /// The values that it has and will not have.
    fn gives_up(&self) -> impl Iterator<Item = Named<'_>> {
        let changes = |(name, value): &Named<'_>| {
            let new = self.wanted.row.get(*name);
            !value.is_null() && (self.wanted.is_deleted || new.is_some_and(|new| new != *value))
        };
        let stored = self
            .stored
            .iter()
            .flatten()
            .filter(|(name, _)| !self.key.contains_key(*name));
        stored.map(|(name, value)| (&**name, value)).filter(changes)
    }

    /// The values that it will have and does not have.
    fn takes(&self) -> impl Iterator<Item = Named<'_>> {
        let before = |name: &str| self.stored.as_ref().and_then(|stored| stored.get(name));
        let wanted = self.wanted.row.iter().filter(|_| !self.wanted.is_deleted);
        let wanted = wanted
            .filter(|(name, _)| !self.key.contains_key(*name))
            .map(|(name, value)| (&**name, value));
        wanted.filter(move |(name, value)| !value.is_null() && before(name) != Some(*value))
    }
}

/// Rows by the values that they give up and take, and by their keys.
struct Index<'a> {
    /// Rows that give up a value, by column.
    giving: HashMap<&'a str, SimilarValues<'a>>,
    /// Rows that take a value, by column.
    taking: HashMap<&'a str, SimilarValues<'a>>,
    /// Rows that give up a value, whatever the column.
    referring: SimilarValues<'a>,
    coming: SimilarValues<'a>,
    going: SimilarValues<'a>,
}

impl<'a> Index<'a> {
    fn of(all: &'a [Standing]) -> Self {
        let mut index = Self {
            giving: HashMap::new(),
            taking: HashMap::new(),
            referring: SimilarValues::default(),
            coming: SimilarValues::default(),
            going: SimilarValues::default(),
        };
        for (at, one) in all.iter().enumerate() {
            for (name, value) in one.gives_up() {
                index.referring.add(value, at);
                index.giving.entry(name).or_default().add(value, at);
            }
            for (name, value) in one.takes() {
                index.taking.entry(name).or_default().add(value, at);
            }
            if let Some(key) = one.single_key() {
                if one.is_insert() {
                    index.coming.add(key, at);
                } else if one.wanted.is_deleted {
                    index.going.add(key, at);
                }
            }
        }
        index
    }

    /// The row that gives up this value. `None` if several have it, because it is not unique then.
    fn giver(&self, (name, value): Named<'_>) -> Option<usize> {
        self.giving.get(name)?.only(value)
    }

    /// The rows that are to be written before this one.
    fn before(&self, one: &Standing) -> Vec<usize> {
        let mut before = Vec::new();
        for named in one.takes() {
            before.extend(self.giver(named));
            before.extend(self.coming.of(named.1));
        }
        if let (true, Some(key)) = (one.wanted.is_deleted, one.single_key()) {
            before.extend(self.referring.of(key));
        }
        before
    }

    /// What a row in a ring has in a column first, so that it is in no other's way; `None` where it is in
    /// none.
    fn aside(&self, column: &ColumnInfo, at: usize, one: &Standing) -> Option<Json> {
        let among = |places: &HashMap<&str, SimilarValues<'_>>, value: &Json| {
            let alike = places.get(column.name);
            alike.is_some_and(|alike| alike.of(value).any(|other| other != at))
        };
        let has = one
            .stored
            .as_ref()
            .and_then(|row| row.get(column.name))
            .filter(|value| !value.is_null());
        let wants = one.wanted.row.get(column.name);
        let wants = wants.filter(|value| !value.is_null() && one.is_insert());
        if has.is_some_and(|value| among(&self.taking, value))
            || wants.is_some_and(|value| among(&self.giving, value))
        {
            return interim(column);
        }
        let is_going = has.is_some_and(|value| self.going.of(value).next().is_some());
        let is_coming = wants.is_some_and(|value| self.coming.of(value).next().is_some());
        let refers = is_going || is_coming;
        (refers && column.nullable).then_some(Json::Null)
    }
}

impl Order {
    pub(super) fn of(all: &[Standing]) -> Self {
        let index = Index::of(all);
        let before: Vec<Vec<usize>> = all.iter().map(|one| index.before(one)).collect();
        let mut order = Self::default();
        // A row is unvisited, open while its predecessors are visited, or placed.
        let (mut is_open, mut is_placed) = (vec![false; all.len()], vec![false; all.len()]);
        for start in 0..all.len() {
            let mut path = vec![(start, 0)];
            while let Some((at, next)) = path.pop() {
                if is_placed[at] {
                    continue;
                }
                is_open[at] = true;
                match before[at].get(next) {
                    Some(&other) => {
                        path.push((at, next + 1));
                        if other == at || is_placed[other] {
                            continue;
                        }
                        if is_open[other] {
                            order.in_rings.push(other)
                        } else {
                            path.push((other, 0))
                        }
                    }
                    None => {
                        is_placed[at] = true;
                        order.places.push(all[at].place);
                    }
                }
            }
        }
        order.in_rings.sort_unstable();
        order.in_rings.dedup();
        order
    }

    /// The interim values of rows in rings, by place; whole rows if they are new.
    pub(super) fn aside(&self, synced: &Synced, all: &[Standing]) -> Vec<(usize, Image)> {
        let index = Index::of(all);
        let in_rings = self.in_rings.iter().map(|at| (*at, &all[*at]));
        let aside = in_rings.filter_map(|(at, one)| {
            let mut values = Image::new();
            for column in &synced.info().columns {
                if column.is_key || column.is_managed {
                    continue;
                }
                let wanted = one.wanted.row.get(column.name);
                let wanted = || wanted.filter(|_| one.is_insert()).cloned();
                if let Some(value) = index.aside(column, at, one).or_else(wanted) {
                    values.insert(column.name.to_owned(), value);
                }
            }
            if one.is_insert() {
                values.extend(one.key.clone());
            }
            (!values.is_empty()).then_some((one.place, values))
        });
        aside.collect()
    }
}

/// A meaningless value that no other row has.
fn interim(column: &ColumnInfo) -> Option<Json> {
    use ColumnType as T;
    let random = Uuid::new_v4();
    let text = random.simple().to_string();
    let (low, _) = random.as_u64_pair();
    // In the upper half of the positive range, because small numbers are in use and negative ones are often
    // refused.
    let number = |bits: u32| {
        let half = 1_i64 << (bits - 2);
        half | i64::try_from(low >> (66 - bits)).unwrap_or(0)
    };
    Some(match &column.ty {
        _ if column.nullable => Json::Null,
        _ if column.values.is_some() => return None,
        T::Text | T::String(StringLen::Max | StringLen::None) => text.into(),
        T::Char(Some(length)) | T::String(StringLen::N(length)) => text
            .chars()
            .take(*length as usize)
            .collect::<String>()
            .into(),
        T::Uuid => random.hyphenated().to_string().into(),
        T::SmallInteger | T::SmallUnsigned => number(16).into(),
        T::Integer | T::Unsigned => number(32).into(),
        T::BigInteger | T::BigUnsigned => number(64).to_string().into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A row with this key: its place and its parent before and after; -1 if it does not exist.
    fn standing(key: usize, stored: (i32, i32), wanted: (i32, i32)) -> Standing {
        let image = |(place, parent): (i32, i32)| {
            let parent = (parent > 0).then_some(parent);
            let row = json!({ "id": key, "place": place, "parent": parent });
            row.as_object().cloned().unwrap_or_default()
        };
        let wanted = match wanted.0 {
            -1 => State::deleted(image(stored)),
            _ => State::present(image(wanted)),
        };
        Standing {
            place: key,
            key: json!({ "id": key })
                .as_object()
                .cloned()
                .unwrap_or_default(),
            stored: (stored.0 != -1).then(|| image(stored)),
            wanted,
        }
    }

    fn order(all: &[Standing]) -> (Vec<usize>, usize) {
        let order = Order::of(all);
        (order.places, order.in_rings.len())
    }

    #[test]
    fn who_gives_up_comes_before_who_takes() {
        let chain = [
            standing(1, (11, 0), (12, 0)),
            standing(2, (12, 0), (13, 0)),
            standing(3, (13, 0), (-1, 0)),
        ];
        assert_eq!(order(&chain), (vec![3, 2, 1], 0));
        let ring = [
            standing(1, (11, 0), (12, 0)),
            standing(2, (12, 0), (13, 0)),
            standing(3, (13, 0), (11, 0)),
        ];
        assert_eq!(order(&ring), (vec![3, 2, 1], 1));
    }

    #[test]
    fn who_comes_is_before_who_refers_to_it_and_who_goes_after() {
        let coming = [
            standing(1, (-1, 0), (11, 2)),
            standing(2, (-1, 0), (12, 3)),
            standing(3, (-1, 0), (13, 0)),
        ];
        assert_eq!(order(&coming), (vec![3, 2, 1], 0));
        let going = [
            standing(3, (13, 0), (-1, 0)),
            standing(2, (12, 3), (-1, 0)),
            standing(1, (11, 2), (-1, 0)),
        ];
        assert_eq!(order(&going), (vec![1, 2, 3], 0));
    }

    #[test]
    fn a_value_that_many_have_orders_nothing() {
        let all = [
            standing(1, (-1, 0), (5, 0)),
            standing(2, (5, 0), (6, 0)),
            standing(3, (5, 0), (7, 0)),
        ];
        assert_eq!(order(&all), (vec![1, 2, 3], 0));
    }
}
