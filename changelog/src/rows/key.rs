//! Conditions on keys: by values, and by images whose values need not fit the key's columns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, IdenStatic, Order, Value};
use serde_json::Value as Json;

use super::keys;
use crate::binding::operand;
use crate::database;
use crate::image::{self, Image, ImageError};

/// The rows whose columns have one of these tuples of values.
pub(crate) fn among<C: ColumnTrait>(columns: &[C], tuples: Vec<Vec<Value>>) -> Condition {
    if let [column] = columns {
        return Condition::all().add(column.is_in(tuples.into_iter().flatten()));
    }
    tuples.into_iter().fold(Condition::any(), |any, tuple| {
        let all = columns.iter().zip(tuple);
        any.add(all.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value))
        }))
    })
}

/// The rows after a key, in key order: (a > x) or (a = x and b > y) …
pub(crate) fn after<C: ColumnTrait>(columns: &[C], key: &[Value]) -> Condition {
    let parts = key.iter().cloned().map(Part::Value).collect::<Vec<_>>();
    beyond_parts(columns, &parts, &Order::Asc)
}

fn beyond_parts<C: ColumnTrait>(columns: &[C], key: &[Part], order: &Order) -> Condition {
    let steps = columns.iter().zip(key).enumerate();
    steps.fold(Condition::any(), |any, (index, (column, part))| {
        let same = columns.iter().zip(key).take(index);
        let prefix = same.fold(Condition::all(), |all, (column, part)| {
            all.add(part.is(*column))
        });
        let step = match order {
            Order::Desc => part.is_after(*column),
            _ => part.is_before(*column),
        };
        any.add(prefix.add(step))
    })
}

/// The condition for the row with a key, as images have it. A value that does not fit its column is compared
/// as it is stored.
///
/// # Errors
/// If a part of the key is not a valid image of its column.
pub fn key_condition<E: EntityTrait>(
    key: &Image,
    backend: DbBackend,
) -> Result<Condition, ImageError> {
    let columns = keys::<E>();
    let parts = parts::<E>(&columns, key, backend)?;
    Ok(columns
        .into_iter()
        .zip(parts)
        .fold(Condition::all(), |all, (column, part)| {
            all.add(part.is(column))
        }))
}

/// The condition for the rows after a key, in key order.
///
/// # Errors
/// The same as for [`key_condition`].
pub fn after_key<E: EntityTrait>(key: &Image, backend: DbBackend) -> Result<Condition, ImageError> {
    beyond_key::<E>(key, &Order::Asc, backend)
}

/// The condition for the rows after (or, descending, before) a key, by those of its columns that the image
/// has.
///
/// # Errors
/// The same as for [`key_condition`].
pub fn beyond_key<E: EntityTrait>(
    key: &Image,
    order: &Order,
    backend: DbBackend,
) -> Result<Condition, ImageError> {
    let columns = keys::<E>().into_iter();
    let columns: Vec<_> = columns
        .filter(|column| key.contains_key(column.as_str()))
        .collect();
    let parts = parts::<E>(&columns, key, backend)?;
    Ok(beyond_parts(&columns, &parts, order))
}

/// A part of a key.
enum Part {
    /// A value that its column can hold.
    Value(Value),
    /// A value that its column cannot hold.
    Odd(Expr),
}

impl Part {
    fn is(&self, column: impl ColumnTrait) -> Expr {
        match self {
            Self::Value(value) => column.eq(value.clone()),
            Self::Odd(stored) => column.into_expr().eq(stored.clone()),
        }
    }

    fn is_before(&self, column: impl ColumnTrait) -> Expr {
        match self {
            Self::Value(value) => column.gt(value.clone()),
            Self::Odd(stored) => column.into_expr().gt(stored.clone()),
        }
    }

    fn is_after(&self, column: impl ColumnTrait) -> Expr {
        match self {
            Self::Value(value) => column.lt(value.clone()),
            Self::Odd(stored) => column.into_expr().lt(stored.clone()),
        }
    }
}

fn parts<E: EntityTrait>(
    columns: &[E::Column],
    key: &Image,
    backend: DbBackend,
) -> Result<Vec<Part>, ImageError> {
    let part = |column: E::Column| {
        let json = key.get(column.as_str()).unwrap_or(&Json::Null);
        match operand::<E>(column, json, backend) {
            Ok(value) => Ok(Part::Value(value)),
            Err(error) => {
                if image::is_unfit(json) {
                    stored_as(json, backend).map(Part::Odd).ok_or(error)
                } else {
                    Err(error)
                }
            }
        }
    };
    columns.iter().copied().map(part).collect()
}

/// The SQL of a value that its column's model cannot hold, from its image. `None` unless the image is a text,
/// stands for a value that does not fit, or is a number on SQLite.
pub(crate) fn stored_as(json: &Json, backend: DbBackend) -> Option<Expr> {
    let dialect = database::on(backend);
    if let (Json::Number(number), true) = (json, dialect.facts().takes_any_number) {
        let integer = number.as_i64().map(Expr::val);
        return integer.or_else(|| number.as_f64().map(Expr::val));
    }
    if let Some(text) = json.as_str().or_else(|| json.get("$text")?.as_str()) {
        return Some(dialect.untyped(text));
    }
    let blob = json.get("$blob")?.as_str()?;
    Some(Expr::val(STANDARD.decode(blob).ok()?))
}
