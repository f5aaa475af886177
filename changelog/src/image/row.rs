//! Images of whole rows.
//!
//! A row's image has every column of the entity, sorted by name. This module knows entities by their traits,
//! but no tables or connections.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn,
};
use serde_json::{Number, Value as Json};

use super::{Image, ImageError, decode, encode};

type ColumnOf<M> = <<M as ModelTrait>::Entity as EntityTrait>::Column;

/// The image of a row.
///
/// # Errors
/// If a column's value has no image; the error names the column.
pub fn image_of<M: ModelTrait>(model: &M) -> Result<Image, ImageError> {
    image_with(model, ColumnOf::<M>::iter())
}

/// The image of a row's primary key.
///
/// # Errors
/// The same as for [`image_of`].
pub fn key_of<M: ModelTrait>(model: &M) -> Result<Image, ImageError> {
    let keys = <M::Entity as EntityTrait>::PrimaryKey::iter();
    image_with(model, keys.map(PrimaryKeyToColumn::into_column))
}

fn image_with<M: ModelTrait>(
    model: &M,
    columns: impl Iterator<Item = ColumnOf<M>>,
) -> Result<Image, ImageError> {
    Ok(fields(model, columns)?.into_iter().collect())
}

/// An image's JSON text. Images that are the [`same`] have equal texts.
pub fn text_of(image: &Image) -> String {
    serde_json::to_string(image).expect("names are texts and values JSON")
}

/// The columns' names and images, sorted by name, because another crate in the build may have made serde_json
/// keep insertion order.
pub(super) fn fields<M: ModelTrait>(
    model: &M,
    columns: impl Iterator<Item = ColumnOf<M>>,
) -> Result<Vec<(String, Json)>, ImageError> {
    let fields = columns.map(|column| {
        encode(column.def().get_column_type(), &model.get(column))
            .map(|json| (column.as_str().to_owned(), json))
            .map_err(|fact| fact.in_column(column.as_str()))
    });
    let mut fields: Vec<_> = fields.collect::<Result<_, _>>()?;
    fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(fields)
}

/// Sets a column; returns whether its field took the value. If it did not, the model is half set and must be
/// discarded.
///
/// This is for values from outside, for which SeaORM's own `try_set` may panic.
pub fn try_set<A: ActiveModelTrait>(
    model: &mut A,
    column: <A::Entity as EntityTrait>::Column,
    value: Value,
) -> bool {
    if !matches!(value, Value::Array(_, Some(_))) {
        return model.try_set(column, value).is_ok();
    }
    // sea-query unwraps the elements of an array: an element that the field's type refuses, e.g. a word that
    // was removed from its enum, panics there.
    catch_unwind(AssertUnwindSafe(|| model.try_set(column, value).is_ok())).unwrap_or(false)
}

/// Sets a column to a null that an image cannot distinguish from NULL.
pub(crate) fn try_null<A: ActiveModelTrait>(
    model: &mut A,
    column: <A::Entity as EntityTrait>::Column,
    rust: ArrayType,
) -> bool {
    let json_null = rust == ArrayType::Json;
    json_null && try_set(model, column, Value::Json(Some(Box::new(Json::Null))))
        || try_set(model, column, Value::Array(rust, None))
}

/// The database value of a column's image, as the model's field holds it.
///
/// # Errors
/// If the JSON is not a valid image of the column.
pub fn value_of<E: EntityTrait>(column: E::Column, json: &Json) -> Result<Value, ImageError> {
    let rust = E::Model::get_value_type(column);
    decode(column.def().get_column_type(), &rust, json)
        .map_err(|fact| fact.in_column(column.as_str()))
}

/// Whether this is how images show a value that does not fit its column: `{"$text": …}` or `{"$blob": …}`. A
/// JSON column may itself hold such an object.
pub fn is_unfit(json: &Json) -> bool {
    let field = json.as_object().filter(|fields| fields.len() == 1);
    let field = field.and_then(|fields| fields.iter().next());
    field.is_some_and(|(form, value)| matches!(&**form, "$text" | "$blob") && value.is_string())
}

/// The names of the columns that differ, sorted. A column that only one image has counts as different.
pub fn differing(before: &Image, after: &Image) -> Vec<String> {
    let changed = before.iter().filter(|(name, value)| {
        let other = after.get(name.as_str());
        !other.is_some_and(|other| same(value, other))
    });
    let added = after
        .keys()
        .filter(|name| !before.contains_key(name.as_str()));
    let mut names: Vec<String> = changed
        .map(|(name, _)| name)
        .chain(added)
        .cloned()
        .collect();
    names.sort();
    names
}

/// Whether two images are the same. Unlike `==` it distinguishes 0.0 from -0.0.
pub fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            let bits = |number: &Number| {
                if number.is_f64() {
                    number.as_f64().map(f64::to_bits)
                } else {
                    None
                }
            };
            left == right && bits(left) == bits(right)
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Json::Object(left), Json::Object(right)) => {
            let within = |(key, l)| right.get(key).is_some_and(|r| same(l, r));
            left.len() == right.len() && left.iter().all(within)
        }
        _ => left == right,
    }
}
