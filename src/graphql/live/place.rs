//! Where a subscription stands in the index of those that a change concerns.

use std::collections::BTreeSet;

use seachange_changelog::Equality;

use super::pinned::column;
use crate::service::entity::EntityInfo;
use crate::service::filter::Predicate;

/// A place in the index.
pub(in crate::graphql) enum Place {
    /// With those of every entity.
    All,
    /// With those of one entity.
    Entity(String),
    /// With those that want rows of an entity with one of these values in a column.
    Pinned {
        entity: String,
        column: &'static str,
        equality: Equality,
        values: BTreeSet<String>,
    },
}

impl Place {
    /// The places of these entities; of all that there are, if none are named.
    pub(super) fn of(entities: Option<Vec<String>>) -> Vec<Self> {
        match entities {
            None => vec![Self::All],
            Some(entities) => entities.into_iter().map(Self::Entity).collect(),
        }
    }

    /// The place of the rows of an entity that a filter admits: by a column that it pins to constants, if
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
