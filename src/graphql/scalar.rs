//! Values between GraphQL and the database, by way of row images: lossless both ways, no panic.
//!
//! A GraphQL value has the text form of an image. Two differ, because GraphQL has types for them:
//! 64-bit integers are `Int` (a number) here and strings in images, enumerations go by their
//! GraphQL names here and by their stored values in images.
//!
//! Two kinds of values leave that cannot come in, because async-graphql's `Int` and `Float` refuse
//! them before we see them: integers above `i64::MAX`, and the strings for NaN and the infinities.

use async_graphql::{Name, Value as GraphqlValue};
use sea_orm::{ColumnType, Value};
use seachange_changelog::image::{self, ImageError};
use serde_json::{Number, Value as Json};

use super::entity::ColumnInfo;

/// A client's value as the database takes it.
///
/// # Errors
/// [`ImageError`] if the value is none of the column's type.
pub(crate) fn from_graphql(column: &ColumnInfo, value: &GraphqlValue) -> Result<Value, ImageError> {
    let json = json_from_graphql(column, value)?;
    image::decode(&column.ty, &column.rust, &json).map(|value| image::canonical(&column.ty, value))
}

/// A client's value as images have it, not yet checked against the type.
fn json_from_graphql(column: &ColumnInfo, value: &GraphqlValue) -> Result<Json, ImageError> {
    let json = value.clone().into_json().map_err(|_| unknown(column, ""))?;
    let Some(values) = &column.values else {
        return Ok(json);
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

/// A database value for a client.
///
/// # Errors
/// [`ImageError`] for a value that has no image.
pub(crate) fn to_graphql(column: &ColumnInfo, value: &Value) -> Result<GraphqlValue, ImageError> {
    image::encode(&column.ty, value).map(|json| json_to_graphql(column, json))
}

/// An image's value for a client.
pub(crate) fn json_to_graphql(column: &ColumnInfo, json: Json) -> GraphqlValue {
    match json {
        // Not what the column holds: shown as it is in the image.
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
        (ty, Json::String(digits)) if column.is_integer(ty) => {
            // Not read as JSON, where `0000`, a year, is no number.
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
