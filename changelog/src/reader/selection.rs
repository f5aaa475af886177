//! A reader's filter on changes.

use sea_orm::{ColumnTrait, Condition};

use super::change::Change;
use super::keys::{any_key_condition, key_text_with_numbers};
use super::position::Position;
use crate::database::Dialect;
use crate::image::Image;
use crate::log::{Column, Operation};

/// A filter on changes; an absent part admits everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Table names; an empty list admits nothing.
    pub entities: Option<Vec<String>>,
    /// Operations; an empty list admits nothing.
    pub operations: Option<Vec<Operation>>,
    /// The row with exactly this key.
    pub key: Option<Image>,
    /// The actor.
    pub actor: Option<String>,
    /// Changes committed together.
    pub transaction_id: Option<String>,
}

impl Selection {
    /// Whether the change is wanted. It agrees with the SQL of `condition`.
    pub fn admits(&self, change: &Change) -> bool {
        let row = &change.row;
        let among = |list: &Option<Vec<String>>, value: &str| {
            let contains = |list: &Vec<String>| list.iter().any(|item| item == value);
            list.as_ref().is_none_or(contains)
        };
        among(&self.entities, &row.entity)
            && self
                .operations
                .as_ref()
                .is_none_or(|list| list.contains(&row.operation))
            && self.key.as_ref().is_none_or(|key| {
                row.row_key
                    .as_object()
                    .is_some_and(|found| is_of(found, key))
            })
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| row.actor.as_ref() == Some(actor))
            && self
                .transaction_id
                .as_ref()
                .is_none_or(|id| row.transaction_id == *id)
    }

    /// Whether only changes of one row are wanted.
    pub(super) fn is_of_one_row(&self) -> bool {
        let entities = self.entities.as_ref();
        self.key.is_some() && entities.is_some_and(|entities| entities.len() == 1)
    }

    /// The selection as SQL on the log.
    pub(super) fn condition(&self, dialect: &dyn Dialect) -> Condition {
        let Self {
            entities,
            operations,
            key,
            actor,
            transaction_id,
        } = self;
        let operations = operations.as_ref();
        Condition::all()
            .add_option(entities.as_ref().map(|list| Column::Entity.is_in(list)))
            .add_option(operations.map(|list| Column::Operation.is_in(list.iter().copied())))
            .add_option(key.as_ref().map(|key| any_key_condition([key], dialect)))
            .add_option(actor.as_ref().map(|actor| Column::Actor.eq(actor)))
            .add_option(
                transaction_id
                    .as_ref()
                    .map(|id| Column::TransactionId.eq(id)),
            )
    }
}

/// Whether two keys identify the same row. After its column got 64 bits an integer is a string.
fn is_of(found: &Image, key: &Image) -> bool {
    found == key
        || found.len() == key.len() && key_text_with_numbers(found) == key_text_with_numbers(key)
}

/// Some changes in order, and the place where the next page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Everything up to here has been examined, wanted or not.
    pub end: Position,
    /// Whether there may be more after `end`.
    pub has_more: bool,
}

impl Page {
    /// The page without its last transaction, which may have been cut off; unchanged if it has no other
    /// transaction.
    #[must_use]
    pub fn to_end_of_transaction(mut self) -> Self {
        let id = |change: &Change| change.row.transaction_id.clone();
        let Some(last) = self.changes.last().map(id).filter(|_| self.has_more) else {
            return self;
        };
        let other = self.changes.iter().rposition(|change| id(change) != last);
        if let Some(place) = other {
            self.changes.truncate(place + 1);
            self.end = self.changes[place].position;
        }
        self
    }
}
