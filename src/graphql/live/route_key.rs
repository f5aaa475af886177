//! The place of a subscription in the index by which the subscriptions of a change are found.

use std::collections::BTreeSet;

use seachange_changelog::internal::Equality;

use super::pinned::column;
use crate::service::entity::EntityInfo;
use crate::service::filter::Predicate;

/// A place in the index.
pub(in crate::graphql) enum RouteKey {
    /// Among the subscriptions to every entity.
    All,
    /// Among the subscriptions to one entity.
    Entity(String),
    /// Among the subscriptions to rows of an entity that have one of these values in a column.
    Pinned {
        entity: String,
        column: &'static str,
        equality: Equality,
        values: BTreeSet<String>,
    },
}

impl RouteKey {
    /// The places for these entities, or for all entities if none are named.
    pub(super) fn of(entities: Option<Vec<String>>) -> Vec<Self> {
        match entities {
            None => vec![Self::All],
            Some(entities) => entities.into_iter().map(Self::Entity).collect(),
        }
    }

    /// The place for the rows of an entity that a filter admits: by a column that it pins to constants, if
    /// there is one.
    pub(in crate::graphql) fn filtered(entity: &EntityInfo, predicate: Option<&Predicate>) -> Self {
        let table = entity.table.to_owned();
        match predicate.and_then(|predicate| column(entity, predicate)) {
            None => Self::Entity(table),
            Some((column, values)) => Self::Pinned {
                entity: table,
                column,
                equality: entity
                    .by_name(column)
                    .map(|column| column.equality.clone())
                    .unwrap_or_default(),
                values,
            },
        }
    }
}
