//! Which changes a reader wants.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbBackend};

use super::change::Change;
use super::position::Position;
use crate::image::Image;
use crate::log::{Column, Entity, Operation};

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
    /// Whether the change is wanted; the same as the SQL of `condition`.
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
            && self
                .key
                .as_ref()
                .is_none_or(|key| row.row_key.as_object() == Some(key))
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| row.actor.as_ref() == Some(actor))
            && self
                .transaction_id
                .as_ref()
                .is_none_or(|id| row.transaction_id == *id)
    }

    /// The selection as SQL on the log.
    pub(super) fn condition(&self, backend: DbBackend) -> Condition {
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
            .add_option(key.as_ref().map(|key| {
                // Keys are stored as JSON text with sorted keys, so equal text is an equal key.
                let text = serde_json::Value::Object(key.clone()).to_string();
                let stored = Expr::col((Entity, Column::RowKey));
                match backend {
                    DbBackend::Postgres => stored.cast_as("text").eq(text),
                    _ => stored.eq(text),
                }
            }))
            .add_option(actor.as_ref().map(|actor| Column::Actor.eq(actor)))
            .add_option(
                transaction_id
                    .as_ref()
                    .map(|id| Column::TransactionId.eq(id)),
            )
    }
}

/// Some changes in order, and where the next page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// In order.
    pub changes: Vec<Change>,
    /// Everything up to here has been looked at, wanted or not.
    pub end: Position,
    /// Whether there may be more after `end`.
    pub has_more: bool,
}
