//! Finds the stored row of each model where a statement returns its rows in any order.

use std::collections::{HashMap, VecDeque};

use sea_orm::{ActiveModelTrait, ColumnTrait, IdenStatic, Iterable, ModelTrait, Value};

use super::BulkEntity;
use super::locked_rows::keys;
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::rows::Row;

/// A model's values in these columns as text; `None` if one is not set.
pub(super) fn values_text<E: BulkEntity>(
    model: &E::ActiveModel,
    columns: &[E::Column],
) -> Result<Option<String>, CaptureError> {
    let mut image = Image::new();
    for column in columns {
        let Some(value) = model.get(*column).into_value() else {
            return Ok(None);
        };
        let json = image::encode(column.def().get_column_type(), &value)?;
        image.insert(column.as_str().to_owned(), json);
    }
    Ok(Some(image::text_of(&image)))
}

/// A row's values in these columns as text.
pub(super) fn row_values_text<E: BulkEntity>(row: &Row<E>, columns: &[E::Column]) -> String {
    let mut image = Image::new();
    for column in columns {
        let name = column.as_str();
        let value = row.image().get(name).cloned().unwrap_or_default();
        image.insert(name.to_owned(), value);
    }
    image::text_of(&image)
}

/// Puts the rows into the order of the models from which they were inserted.
///
/// Models with a key find their row by it. If the database assigned the keys, a model gets the first row, in
/// the order of keys, that has its values: rows with all the same values are interchangeable. Rows that the
/// database stored with other values than given are assigned in the order of keys alone, in which all three
/// databases assign keys within a statement.
pub(super) fn in_order<E: BulkEntity>(
    given: &[E::ActiveModel],
    rows: Vec<Row<E>>,
) -> Result<Vec<Row<E>>, CaptureError> {
    let keys = keys::<E>();
    if is_in_order::<E>(given, &rows, &keys) {
        return Ok(rows);
    }
    let is_known = given.iter().all(|model| {
        keys.iter()
            .all(|key| model.get(*key).into_value().is_some())
    });
    let columns: Vec<E::Column> = match given.first() {
        Some(first) if !is_known => E::Column::iter()
            .filter(|column| first.get(*column).into_value().is_some())
            .collect(),
        _ => keys.clone(),
    };
    let mut rows: Vec<Option<Row<E>>> = sorted::<E>(rows, &keys);
    let mut by_name: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(row) = row {
            let name = row_values_text::<E>(row, &columns);
            by_name.entry(name).or_default().push_back(place);
        }
    }
    let mut found: Vec<Option<Row<E>>> = Vec::with_capacity(given.len());
    for model in given {
        let name = values_text::<E>(model, &columns)?.unwrap_or_default();
        let place = by_name.get_mut(&name).and_then(VecDeque::pop_front);
        found.push(place.and_then(|place| rows[place].take()));
    }
    let mut rest = rows.into_iter().flatten();
    let ordered = found
        .into_iter()
        .filter_map(|row| row.or_else(|| rest.next()));
    Ok(ordered.collect())
}

/// Whether each model's key is known and is that of the row at its place. This is the usual case, and cheaper
/// to test than to sort.
fn is_in_order<E: BulkEntity>(
    given: &[E::ActiveModel],
    rows: &[Row<E>],
    keys: &[E::Column],
) -> bool {
    let is_its = |(model, row): (&E::ActiveModel, &Row<E>)| {
        let value = |key: &E::Column| Some(row.model()?.get(*key));
        keys.iter().all(|key| {
            let given = model.get(*key).into_value();
            given.is_some() && given == value(key)
        })
    };
    given.len() == rows.len() && given.iter().zip(rows).all(is_its)
}

/// Sorts by a key that the database counts; other keys stay as they are.
fn sorted<E: BulkEntity>(mut rows: Vec<Row<E>>, keys: &[E::Column]) -> Vec<Option<Row<E>>> {
    rows.sort_by_key(|row| {
        let value = keys.first().and_then(|key| row.value(*key));
        value.as_ref().and_then(number).unwrap_or_default()
    });
    rows.into_iter().map(Some).collect()
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::TinyInt(number) => number.map(i128::from),
        Value::SmallInt(number) => number.map(i128::from),
        Value::Int(number) => number.map(i128::from),
        Value::BigInt(number) => number.map(i128::from),
        Value::TinyUnsigned(number) => number.map(i128::from),
        Value::SmallUnsigned(number) => number.map(i128::from),
        Value::Unsigned(number) => number.map(i128::from),
        Value::BigUnsigned(number) => number.map(i128::from),
        _ => None,
    }
}
