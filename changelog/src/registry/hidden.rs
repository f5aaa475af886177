//! Columns whose values stay out of the log: redacted or excluded.
//!
//! This module knows images and the names of columns. Rows are never compared with stored ones here: that is
//! done with the real values.

use std::collections::BTreeSet;

use sea_orm::{EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};
use serde_json::Value as Json;

use super::Tracked;
use crate::image::{self, Image, REDACTED, REDACTED_CHANGED};
use crate::shape::Shown;

/// The hidden columns of a table, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    redacted: BTreeSet<&'static str>,
    excluded: BTreeSet<&'static str>,
    /// A hidden column that is in the primary key, which is not allowed.
    key: Option<&'static str>,
}

impl Hidden {
    /// What the entity's `track!` line hides.
    pub fn of<E: Tracked>() -> Self {
        let names = |columns: Vec<E::Column>| columns.iter().map(IdenStatic::as_str).collect();
        let (redacted, excluded): (BTreeSet<_>, BTreeSet<_>) =
            (names(E::redacted()), names(E::excluded()));
        let mut keys = <E as EntityTrait>::PrimaryKey::iter().map(|key| key.into_column().as_str());
        Self {
            key: keys.find(|key| redacted.contains(key) || excluded.contains(key)),
            redacted,
            excluded,
        }
    }

    /// Whether the log has no value of this column.
    pub fn hides(&self, column: &str) -> bool {
        self.redacted.contains(column) || self.excluded.contains(column)
    }

    /// The columns of which the log has no value.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.redacted.iter().chain(&self.excluded).copied()
    }

    /// How much of a column the log shows, in the terms of triggers.
    pub(crate) fn of_column(&self, column: &str) -> Shown {
        if self.excluded.contains(column) {
            Shown::Not
        } else if self.redacted.contains(column) {
            Shown::Redacted
        } else {
            Shown::Whole
        }
    }

    /// A hidden column of the primary key: such a table cannot be tracked.
    pub(super) fn key(&self) -> Option<&'static str> {
        self.key
    }

    /// The images as the log shows them; `None` if they do not differ in anything that it may show.
    pub(crate) fn shown(
        &self,
        mut before: Option<Image>,
        mut after: Option<Image>,
    ) -> Option<(Option<Image>, Option<Image>)> {
        for image in before.iter_mut().chain(&mut after) {
            for column in &self.excluded {
                image.remove(*column);
            }
        }
        let changed = match (&before, &after) {
            (Some(before), Some(after)) => {
                let changed = image::differing(before, after);
                if changed.is_empty() {
                    return None;
                }
                changed
            }
            _ => Vec::new(),
        };
        for column in &self.redacted {
            let word = if changed.iter().any(|name| name == column) {
                REDACTED_CHANGED
            } else {
                REDACTED
            };
            for (image, word) in [(&mut before, REDACTED), (&mut after, word)] {
                if let Some(value) = image.as_mut().and_then(|image| image.get_mut(*column)) {
                    *value = Json::from(word);
                }
            }
        }
        Some((before, after))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden() -> Hidden {
        Hidden {
            redacted: BTreeSet::from(["secret"]),
            excluded: BTreeSet::from(["seen"]),
            key: None,
        }
    }

    fn shown(before: Json, after: Json) -> Option<(Json, Json)> {
        let image = |json: Json| json.as_object().cloned();
        let (before, after) = hidden().shown(image(before), image(after))?;
        Some((before.into(), after.into()))
    }

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        let row = |name: &str, secret: Json, seen: i32| json!({ "name": name, "secret": secret, "seen": seen });
        let redacted = |name: &str, secret: &str| json!({ "name": name, "secret": secret });
        let cases = [
            (
                row("a", json!("x"), 1),
                row("b", json!("x"), 2),
                Some((redacted("a", REDACTED), redacted("b", REDACTED))),
            ),
            (
                row("a", json!("x"), 1),
                row("a", json!("y"), 1),
                Some((redacted("a", REDACTED), redacted("a", REDACTED_CHANGED))),
            ),
            (
                row("a", json!(null), 1),
                row("a", json!("y"), 1),
                Some((redacted("a", REDACTED), redacted("a", REDACTED_CHANGED))),
            ),
            (row("a", json!("x"), 1), row("a", json!("x"), 2), None),
            (
                row("a", json!("x"), 1),
                Json::Null,
                Some((redacted("a", REDACTED), Json::Null)),
            ),
            (
                Json::Null,
                row("a", json!(null), 1),
                Some((Json::Null, redacted("a", REDACTED))),
            ),
        ];
        for (before, after, expected) in cases {
            assert_eq!(shown(before, after), expected);
        }
    }
}
