//! The relations between registered entities: those that entities declare, and many-to-many relations through a
//! table between two of them.
//!
//! A relation to an entity that is not registered, or whose rows callers may not query, is left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::dynamic::SchemaError;
use sea_orm::sea_query::TableRef;
use sea_orm::{Identity, RelationDef, RelationType};

use super::listed::Listed;
use crate::service::entity::{ColumnInfo, EntityInfo};
use crate::service::exposure::Action;
use crate::service::names;

/// A relation of an entity, the parent, to another, the child.
pub(super) struct Relation {
    /// The name in GraphQL.
    pub(super) field: String,
    /// Whether a parent has many children, or at most one.
    pub(super) is_many: bool,
    pub(super) parent: Listed,
    pub(super) child: Listed,
    /// From the parent to the child; in a many-to-many relation from the table between them to the child.
    pub(super) def: RelationDef,
    pub(super) via: Option<Via>,
}

/// The table between the two entities of a many-to-many relation.
pub(super) struct Via {
    pub(super) between: Listed,
    /// From the parent to the table between.
    pub(super) def: RelationDef,
}

/// The relations of each entity, in the order of the entities.
///
/// # Errors
/// [`SchemaError`] for a relation that names a column which its entity does not have.
pub(super) fn relations(entities: &[Listed]) -> Result<Vec<Vec<Arc<Relation>>>, SchemaError> {
    let mut all: Vec<Vec<Relation>> = Vec::with_capacity(entities.len());
    // Rows that callers may not query are reached by no relation.
    let is_queried = |entity: &Listed| entity.info.allows(Action::Query);
    for parent in entities {
        all.push(if is_queried(parent) {
            declared(parent, entities)
        } else {
            Vec::new()
        });
    }
    for between in entities.iter().filter(|entity| is_queried(entity)) {
        for relation in of_many_to_many(between, entities) {
            let of_parent = |entity: &Listed| entity.info.table == relation.parent.info.table;
            let Some(place) = entities.iter().position(of_parent) else {
                continue;
            };
            let is_taken = relation.parent.info.by_field(&relation.field).is_some()
                || all[place].iter().any(|known| known.field == relation.field);
            if !is_taken {
                all[place].push(relation);
            }
        }
    }
    for relation in all.iter().flatten() {
        check(relation)?;
    }
    let shared = |relations: Vec<Relation>| relations.into_iter().map(Arc::new).collect();
    Ok(all.into_iter().map(shared).collect())
}

/// The relations that the entity declares, and the inverse of each relation to itself, because it can declare
/// only one direction.
fn declared(parent: &Listed, entities: &[Listed]) -> Vec<Relation> {
    let declared = parent.source.relations();
    let of = |field: String, is_many: bool, def: RelationDef| {
        let child = named(&def.to_tbl, entities)?.clone();
        let (parent, via) = (parent.clone(), None);
        Some(Relation {
            field,
            is_many,
            parent,
            child,
            def,
            via,
        })
    };
    let mut relations = Vec::with_capacity(declared.len());
    for (name, def) in &declared {
        let is_many = def.rel_type == RelationType::HasMany;
        relations.extend(of(names::field(name), is_many, def.clone()));
        let back = def.clone().rev();
        let has_back = || {
            let mut others = declared.iter();
            others.any(|(_, other)| other.from_col == back.from_col && other.to_col == back.to_col)
        };
        let is_to_itself = named(&def.to_tbl, std::slice::from_ref(parent)).is_some();
        if is_to_itself && !def.is_owner && !has_back() {
            relations.extend(of(names::field(&format!("{name}Reverse")), true, back));
        }
    }
    relations
}

/// The relations in both directions between two entities whose pairs a table holds: two of its relations make
/// up its key.
fn of_many_to_many(between: &Listed, entities: &[Listed]) -> Vec<Relation> {
    let key: BTreeSet<String> = between
        .source
        .key()
        .iter()
        .map(ToString::to_string)
        .collect();
    let declared = between.source.relations();
    let mut ends = declared.iter().filter(|(_, def)| {
        let mut columns = names_of(&def.from_col);
        !def.is_owner && columns.all(|column| key.contains(&column))
    });
    let (Some(one), Some(other), None) = (ends.next(), ends.next(), ends.next()) else {
        return Vec::new();
    };
    let covered: Vec<String> = [one, other]
        .iter()
        .flat_map(|(_, def)| names_of(&def.from_col).collect::<Vec<_>>())
        .collect();
    if covered.len() != key.len() || covered.into_iter().collect::<BTreeSet<_>>() != key {
        return Vec::new();
    }
    let way = |(_, near): &(String, RelationDef), (name, far): &(String, RelationDef)| {
        Some(Relation {
            field: names::field(name),
            is_many: true,
            parent: named(&near.to_tbl, entities)?.clone(),
            child: named(&far.to_tbl, entities)?.clone(),
            def: far.clone(),
            via: Some(Via {
                between: between.clone(),
                def: near.clone().rev(),
            }),
        })
    };
    [way(one, other), way(other, one)]
        .into_iter()
        .flatten()
        .collect()
}

/// The registered entity of a table.
fn named<'a>(table: &TableRef, entities: &'a [Listed]) -> Option<&'a Listed> {
    let TableRef::Table(name, _) = table else {
        return None;
    };
    let schema = name.0.as_ref().map(|schema| schema.1.to_string());
    let table = name.1.to_string();
    entities
        .iter()
        .filter(|entity| entity.info.allows(Action::Query))
        .find(|entity| entity.info.table == table && entity.info.schema == schema)
}

pub(super) fn names_of(columns: &Identity) -> impl Iterator<Item = String> {
    columns.iter().map(ToString::to_string)
}

/// The columns of an entity that a relation names.
pub(super) fn columns<'a>(
    entity: &'a EntityInfo,
    columns: &Identity,
) -> Result<Vec<&'a ColumnInfo>, SchemaError> {
    let found = names_of(columns).map(|name| {
        let missing = || {
            let table = entity.table;
            SchemaError(format!(
                "a relation names `{name}`, which table `{table}` does not have"
            ))
        };
        entity.stored(&name).ok_or_else(missing)
    });
    found.collect()
}

fn check(relation: &Relation) -> Result<(), SchemaError> {
    let from = match &relation.via {
        Some(via) => {
            columns(&relation.parent.info, &via.def.from_col)?;
            columns(&via.between.info, &via.def.to_col)?;
            &via.between
        }
        None => &relation.parent,
    };
    columns(&from.info, &relation.def.from_col)?;
    columns(&relation.child.info, &relation.def.to_col)?;
    Ok(())
}
