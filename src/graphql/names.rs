//! Refuses database names that GraphQL cannot have: a schema with them would not start, or clients could not
//! read it.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dynamic::SchemaError;

use super::listed::Listed;
use super::relation::Relation;
use crate::service::entity::{EntityInfo, EnumValues};

/// Fields that a filter has in addition to the columns of its table.
const OF_FILTERS: [&str; 3] = ["and", "or", "not"];
/// Names that GraphQL does not accept as values of an enumeration.
const NO_WORDS: [&str; 3] = ["true", "false", "null"];
/// The fields at the root that do not belong to a table.
const OF_ROOT: [&str; 7] = [
    "_ping",
    "changes",
    "changesHead",
    "resolveSyncConflict",
    "revertChange",
    "revertTransaction",
    "syncConflicts",
];
const BEFORE: [&str; 3] = ["pull", "push", "stream"];
const AFTER: [&str; 8] = [
    "",
    "History",
    "AsOf",
    "Changes",
    "CreateOne",
    "CreateBatch",
    "Update",
    "Delete",
];

/// Checks the names of tables, columns and relations.
///
/// # Errors
/// [`SchemaError`], which names the table and the column.
pub(super) fn check_entities(
    entities: &[Listed],
    relations: &[Vec<Arc<Relation>>],
) -> Result<(), SchemaError> {
    check_root(entities.iter().map(|of| of.info.as_ref()))?;
    for (of, relations) in entities.iter().zip(relations) {
        check_columns(&of.info)?;
        check_relations(&of.info, relations)?;
    }
    Ok(())
}

/// Checks the names of an enumeration's values.
///
/// # Errors
/// [`SchemaError`], which names the enumeration and the value.
pub(super) fn check_words(name: &str, values: &EnumValues) -> Result<(), SchemaError> {
    let mut known: HashMap<&str, &str> = HashMap::new();
    for (word, stored) in &values.items {
        if !is_valid(word) || NO_WORDS.contains(&word.as_str()) {
            return Err(SchemaError(format!(
                "value `{stored}` of enumeration `{name}` would be called `{word}` in GraphQL, {RULE}; do \
                 not register the enumeration: its columns are text then"
            )));
        }
        if let Some(other) = known.insert(word, stored) {
            return Err(SchemaError(format!(
                "values `{other}` and `{stored}` of enumeration `{name}` would both be called `{word}` in \
                 GraphQL; do not register the enumeration: its columns are text then"
            )));
        }
    }
    Ok(())
}

const RULE: &str =
    "where a name has letters from A to Z, digits and underscores, and no digit first";
const CURE: &str = "rename the column, or leave it out of the API by `#[seaography(ignore)]`";

fn check_root<'a>(entities: impl Iterator<Item = &'a EntityInfo>) -> Result<(), SchemaError> {
    let ours = OF_ROOT.map(|name| (name.to_owned(), None));
    let mut known: HashMap<String, Option<&str>> = ours.into_iter().collect();
    for entity in entities {
        let EntityInfo {
            table,
            object,
            field,
            ..
        } = entity;
        for name in [object, field] {
            if !is_valid(name) {
                return Err(SchemaError(format!(
                    "table `{table}` would be called `{name}` in GraphQL, {RULE}; rename the table, or do \
                     not register it"
                )));
            }
        }
        let before = BEFORE.iter().map(|before| format!("{before}{object}"));
        let after = AFTER.iter().map(|after| format!("{field}{after}"));
        for name in before.chain(after) {
            if let Some(other) = known.get(&name) {
                let other = other.map_or_else(
                    || "one that is there for all tables".to_owned(),
                    |other| format!("one of table `{other}`"),
                );
                return Err(SchemaError(format!(
                    "a field of table `{table}` would be called `{name}` in GraphQL, and so is {other}; \
                     rename the table, or do not register it"
                )));
            }
            known.insert(name, Some(table));
        }
    }
    Ok(())
}

fn check_columns(entity: &EntityInfo) -> Result<(), SchemaError> {
    let table = entity.table;
    let mut known: HashMap<&str, &str> = HashMap::new();
    for column in &entity.columns {
        let (name, field) = (column.name, &column.field);
        if !is_valid(field) {
            return Err(SchemaError(format!(
                "column `{name}` of table `{table}` would be called `{field}` in GraphQL, {RULE}; {CURE}"
            )));
        }
        if OF_FILTERS.contains(&field.as_str()) {
            return Err(SchemaError(format!(
                "column `{name}` of table `{table}` would be called `{field}` in GraphQL, where filters \
                 have a field of this name; {CURE}"
            )));
        }
        if let Some(other) = known.insert(field, name) {
            return Err(SchemaError(format!(
                "columns `{other}` and `{name}` of table `{table}` would both be called `{field}` in \
                 GraphQL; {CURE}"
            )));
        }
    }
    Ok(())
}

fn check_relations(entity: &EntityInfo, relations: &[Arc<Relation>]) -> Result<(), SchemaError> {
    let table = entity.table;
    let mut known: Vec<&str> = Vec::with_capacity(relations.len());
    for relation in relations {
        let (field, child) = (relation.field.as_str(), relation.child.info.table);
        let taken = match entity.by_field(field) {
            Some(column) => format!("column `{}`", column.name),
            None if known.contains(&field) => "another relation".to_owned(),
            None if is_valid(field) => {
                known.push(field);
                continue;
            }
            None => {
                return Err(SchemaError(format!(
                    "the relation of table `{table}` to `{child}` would be called `{field}` in GraphQL, \
                     {RULE}; rename the variant of `Relation`"
                )));
            }
        };
        return Err(SchemaError(format!(
            "the relation of table `{table}` to `{child}` would be called `{field}` in GraphQL, and so is \
             {taken} of the table; rename the variant of `Relation`"
        )));
    }
    Ok(())
}

/// Whether GraphQL accepts the name. Names that begin with two underscores are reserved.
fn is_valid(name: &str) -> bool {
    let mut rest = name.bytes();
    let is_begun = rest
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    is_begun
        && !name.starts_with("__")
        && rest.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
