//! Which values a filter pins to constants: only rows with these values can pass it.
//!
//! Values are looked up by the part that counts when the database compares them.

use std::collections::BTreeSet;
use std::slice;

use sea_orm::ColumnType;
use seachange_changelog::Image;
use seachange_changelog::internal::Equality;
use serde_json::Value as Json;

use crate::feed::RowName;
use crate::service::entity::{ColumnInfo, EntityInfo, is_integer};
use crate::service::filter::{Comparison, Operand, Predicate, Test};

/// A column in which every admitted row has one of these values. If there are several such columns, the one
/// with the fewest values.
pub(super) fn column(
    entity: &EntityInfo,
    predicate: &Predicate,
) -> Option<(&'static str, BTreeSet<String>)> {
    match predicate {
        Predicate::All(parts) => parts
            .iter()
            .filter_map(|part| column(entity, part))
            .min_by_key(|(_, values)| values.len()),
        Predicate::Test { column, test } => {
            let info = entity.by_name(column)?;
            if !has_one_text(info) {
                return None;
            }
            let values = values(test)?
                .iter()
                .map(|operand| sought(&info.equality, &operand.image));
            Some((column, values.collect()))
        }
        Predicate::Any(_) | Predicate::Not(_) => None,
    }
}

/// The only row that can pass the filter, if the filter pins its whole key. Only for keys of integers and
/// UUIDs: a database's collation may consider two texts equal, and the log may have either as the key of such a
/// row.
pub(in crate::graphql) fn row(entity: &EntityInfo, predicate: &Predicate) -> Option<RowName> {
    if !entity.shows_key {
        return None;
    }
    let value = |name: &'static str| Some((name.to_owned(), constant(predicate, name)?.clone()));
    let key = entity.key().map(|column| match &column.ty {
        ColumnType::Uuid => value(column.name),
        ty if is_integer(ty) => value(column.name),
        _ => None,
    });
    Some(RowName {
        entity: entity.table.to_owned(),
        key: key.collect::<Option<Image>>()?,
    })
}

/// The only value of a column that the filter admits.
fn constant<'p>(predicate: &'p Predicate, name: &str) -> Option<&'p Json> {
    match predicate {
        Predicate::All(parts) => parts.iter().find_map(|part| constant(part, name)),
        Predicate::Test { column, test } if *column == name => match values(test)? {
            [only] => Some(&only.image),
            _ => None,
        },
        _ => None,
    }
}

/// The values that a test admits, if it lists them.
fn values(test: &Test) -> Option<&[Operand]> {
    match test {
        Test::Compare(Comparison::Eq, operand) => Some(slice::from_ref(operand)),
        Test::In(operands) => Some(operands),
        _ => None,
    }
}

/// Whether equal values of the column always have equal images, or texts whose deciding part is equal.
fn has_one_text(column: &ColumnInfo) -> bool {
    use ColumnType as T;
    match &column.ty {
        T::Uuid | T::Boolean => true,
        T::Char(_) | T::String(_) | T::Text => column.equality.undecided().is_none(),
        ty => is_integer(ty),
    }
}

/// The form in which an operand is looked up.
fn sought(equality: &Equality, operand: &Json) -> String {
    match operand {
        Json::String(text) => Json::from(equality.widest().operand(text)).to_string(),
        other => other.to_string(),
    }
}

/// A row's value in the form that matches the values of [`column`].
pub(super) fn found(equality: &Equality, value: &Json) -> String {
    match value {
        Json::String(text) => Json::from(equality.widest().stored(text)).to_string(),
        other => other.to_string(),
    }
}
