//! About how many bytes a value has: in an answer, and in a row that was read.

use async_graphql::Value;
use sea_orm::{EntityTrait, Iterable, ModelTrait, Value as Stored};
use seachange_changelog::Image;

/// Quotes, a colon and a comma.
const MARKS: u64 = 4;

pub(super) fn of_name(name: &str) -> u64 {
    length(name.len()) + MARKS
}

/// The text of a value. Recursion is bounded by how deep JSON is read.
pub(super) fn of_value(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Boolean(_) | Value::Number(_) => MARKS,
        Value::String(text) => text.bytes().map(of_byte).sum(),
        Value::Enum(name) => length(name.len()),
        // Written as a list of numbers.
        Value::Binary(bytes) => MARKS.saturating_mul(length(bytes.len())),
        Value::List(items) => items
            .iter()
            .fold(MARKS, |sum, item| sum + super::PLACE + of_value(item)),
        Value::Object(fields) => fields.iter().fold(MARKS, |sum, (name, field)| {
            sum + super::PLACE + of_name(name) + of_value(field)
        }),
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// A byte of a text in JSON, which writes control characters in six.
fn of_byte(byte: u8) -> u64 {
    match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    }
}

/// The values of a row that may be long, and as much as the others take.
pub(super) fn of_model<M: ModelTrait>(model: &M) -> u64 {
    let columns = <M::Entity as EntityTrait>::Column::iter();
    columns.fold(0, |sum, column| sum + of_stored(&model.get(column)))
}

fn of_stored(value: &Stored) -> u64 {
    let long = match value {
        Stored::String(Some(text)) => length(text.len()),
        Stored::Bytes(Some(bytes)) => length(bytes.len()),
        Stored::Json(Some(json)) => of_json(json),
        _ => 0,
    };
    super::PLACE + long
}

/// A row.
pub(super) fn of_image(image: &Image) -> u64 {
    let fields = image.iter();
    fields.fold(super::PLACE, |sum, (name, value)| {
        sum + length(name.len()) + of_json(value)
    })
}

/// Recursion is bounded by how deep JSON is read.
pub(super) fn of_json(json: &serde_json::Value) -> u64 {
    use serde_json::Value as Json;
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => super::PLACE,
        Json::String(text) => super::PLACE + length(text.len()),
        Json::Array(items) => items
            .iter()
            .fold(super::PLACE, |sum, item| sum + of_json(item)),
        Json::Object(fields) => of_image(fields),
    }
}
