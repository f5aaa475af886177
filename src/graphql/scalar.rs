//! Values between GraphQL and the database, by way of row images: lossless both ways, no panic.
//!
//! A GraphQL value has the text form of an image, except for enumerations: they have their GraphQL names here
//! and their stored values in images. Integers of more bits than GraphQL's `Int` are [`BigInt`](BIG_INT): text
//! in answers, text or an integer in inputs, because a client in JavaScript would round them otherwise.
//!
//! One kind of value can be sent but not received, because async-graphql's `Float` refuses it before we see it:
//! the strings for NaN and the infinities.

use async_graphql::dynamic::{ResolverContext, Scalar};
use async_graphql::{Name, Value as GraphqlValue};
use sea_orm::{ColumnType, Value};
use seachange_changelog::internal::image::{self, ImageError};
use serde_json::{Number, Value as Json};

use super::column::BIG_INT;
use super::prerendered::Prerendered;
use crate::service::entity::{ColumnInfo, EnumValues};

/// `BigInt`.
pub(super) fn big_int() -> Scalar {
    Scalar::new(BIG_INT)
        .description(
            "An integer of up to 64 bits. A string of its digits in answers; a string or an integer in \
             inputs.",
        )
        // Texts are checked where they are read. One that is not an integer may be sent, where a column holds
        // what it should not.
        .validator(|value| match value {
            GraphqlValue::Number(number) => number.is_i64() || number.is_u64(),
            value => matches!(value, GraphqlValue::String(_)),
        })
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A client's value in the form that the database takes.
///
/// # Errors
/// [`ImageError`] if the value does not have the column's type.
pub(crate) fn from_graphql(column: &ColumnInfo, value: &GraphqlValue) -> Result<Value, ImageError> {
    let json = json_from_graphql(column, value)?;
    image::decode(&column.ty, &column.rust, &json).map(|value| image::canonical(&column.ty, value))
}

/// A client's value in the form that images have, not yet checked against the type.
fn json_from_graphql(column: &ColumnInfo, value: &GraphqlValue) -> Result<Json, ImageError> {
    let json = value.clone().into_json().map_err(|_| unknown(column, ""))?;
    let Some(values) = &column.values else {
        return Ok(match column.ty {
            ColumnType::Unsigned => number(json),
            _ => json,
        });
    };
    let stored = |name: &str| {
        let found = values.items.iter().find(|(item, _)| item == name);
        found
            .map(|(_, stored)| Json::String(stored.clone()))
            .ok_or_else(|| unknown(column, name))
    };
    match json {
        Json::String(name) => stored(&name),
        Json::Array(names) => names
            .iter()
            .map(|name| name.as_str().map_or(Ok(name.clone()), stored))
            .collect(),
        other => Ok(other),
    }
}

/// The image of an integer of 32 bits, which clients may write as text.
fn number(json: Json) -> Json {
    let number = json.as_str().filter(|text| is_integer(text));
    match number.and_then(|text| text.parse::<i64>().ok()) {
        Some(number) => number.into(),
        None => json,
    }
}

fn unknown(column: &ColumnInfo, text: &str) -> ImageError {
    let fact = ImageError::Malformed {
        expected: "a value of its type",
        text: text.chars().take(40).collect(),
    };
    ImageError::InColumn {
        column: column.name.to_owned(),
        fact: Box::new(fact),
    }
}

/// The value of a field: what the column holds, in the form that an image has.
///
/// A value that does not have the column's type is shown as text, as it is in the image. GraphQL accepts any
/// text for a scalar. For an enumeration, a word that it lacks is put in the field's place after GraphQL has
/// resolved the field, because a null there would be an error, which hides the row.
pub(super) fn shown(
    ctx: &ResolverContext<'_>,
    column: &ColumnInfo,
    json: Json,
) -> Option<GraphqlValue> {
    let value = json_to_graphql(column, json);
    if column
        .values
        .as_ref()
        .is_some_and(|values| !has(values, &value))
    {
        if let Some(rendered) = ctx.data_opt::<Prerendered>() {
            rendered.put(ctx, value);
        }
        return None;
    }
    (value != GraphqlValue::Null).then_some(value)
}

/// Whether the enumeration has the value, or all values in a list.
fn has(values: &EnumValues, value: &GraphqlValue) -> bool {
    match value {
        GraphqlValue::Enum(name) => values.items.iter().any(|(item, _)| item == name),
        GraphqlValue::List(items) => items.iter().all(|item| has(values, item)),
        GraphqlValue::Null => true,
        _ => false,
    }
}

/// An image's value in the form for a client.
pub(crate) fn json_to_graphql(column: &ColumnInfo, json: Json) -> GraphqlValue {
    match json {
        // The value does not fit its column, and is shown as it is in the image.
        Json::Object(_) if !is_json(&column.ty) => GraphqlValue::String(json.to_string()),
        json => typed(column, &column.ty, json),
    }
}

fn is_json(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Json | ColumnType::JsonBinary)
}

fn typed(column: &ColumnInfo, ty: &ColumnType, json: Json) -> GraphqlValue {
    match (ty, json) {
        (ColumnType::Array(inner), Json::Array(items)) => {
            let items = items.into_iter().map(|item| typed(column, inner, item));
            GraphqlValue::List(items.collect())
        }
        (_, Json::String(stored)) if column.values.is_some() => enum_item(column, stored),
        (ty, Json::Number(number)) if column.is_big(ty) => GraphqlValue::String(number.to_string()),
        (ty, Json::String(digits)) if column.is_integer(ty) && !column.is_big(ty) => {
            // It is not parsed as JSON, in which `0000`, a year, is not a number.
            let signed = digits.parse::<i64>().map(Number::from);
            let number = signed.or_else(|_| digits.parse::<u64>().map(Number::from));
            number.map_or(GraphqlValue::String(digits), GraphqlValue::Number)
        }
        (_, json) => json_value(json),
    }
}

fn enum_item(column: &ColumnInfo, stored: String) -> GraphqlValue {
    let items = column.values.iter().flat_map(|values| &values.items);
    let name = items
        .filter(|(_, value)| *value == stored)
        .map(|(name, _)| name.clone())
        .next();
    GraphqlValue::Enum(Name::new(name.unwrap_or(stored)))
}

/// Any JSON as a GraphQL value.
pub(crate) fn json_value(json: Json) -> GraphqlValue {
    match json {
        Json::Null => GraphqlValue::Null,
        Json::Bool(value) => GraphqlValue::Boolean(value),
        Json::Number(value) => GraphqlValue::Number(value),
        Json::String(value) => GraphqlValue::String(value),
        Json::Array(items) => GraphqlValue::List(items.into_iter().map(json_value).collect()),
        Json::Object(map) => GraphqlValue::Object(
            map.into_iter()
                .map(|(name, value)| (Name::new(name), json_value(value)))
                .collect(),
        ),
    }
}
