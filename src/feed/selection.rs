//! Which changes a reader wants.

use seachange_changelog::{Image, Operation};

use super::change::Change;
use super::cursor::Position;

/// A filter on changes; an absent part admits everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Table names; an empty list admits nothing.
    pub entities: Option<Vec<String>>,
    /// Operations; an empty list admits nothing.
    pub operations: Option<Vec<Operation>>,
    /// The row with exactly this key.
    pub key: Option<Image>,
    /// Who acted.
    pub actor: Option<String>,
    /// Changes committed together.
    pub transaction_id: Option<String>,
}

impl Selection {
    /// Whether the change is wanted; the same as the SQL that [`source`](super::source) writes.
    pub fn admits(&self, change: &Change) -> bool {
        let row = &change.row;
        let wanted = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|l| l == value))
        };
        wanted(&self.entities, &row.entity)
            && self.operations.as_ref().is_none_or(|list| list.contains(&row.operation))
            && self.key.as_ref().is_none_or(|key| row.row_key.as_object() == Some(key))
            && self.actor.as_ref().is_none_or(|actor| row.actor.as_ref() == Some(actor))
            && self.transaction_id.as_ref().is_none_or(|id| row.transaction_id == *id)
    }
}

/// Some changes in order, and where the next page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// In feed order.
    pub changes: Vec<Change>,
    /// Everything up to here has been looked at, wanted or not.
    pub end: Position,
    /// Whether there may be more after `end`.
    pub has_more: bool,
}
