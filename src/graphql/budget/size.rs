//! About how many bytes a value takes in an answer.

use async_graphql::Value;

use crate::service::budget::size::{PLACE, length};

/// The quotes, a colon and a comma.
const MARKS: u64 = 4;

pub(super) fn of_name(name: &str) -> u64 {
    length(name.len()) + MARKS
}

/// The size of a value's text. The recursion is bounded by the depth to which JSON is read.
pub(super) fn of_value(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Boolean(_) | Value::Number(_) => MARKS,
        Value::String(text) => text.bytes().map(of_byte).sum(),
        Value::Enum(name) => length(name.len()),
        // Binary is written as a list of numbers.
        Value::Binary(bytes) => MARKS.saturating_mul(length(bytes.len())),
        Value::List(items) => items
            .iter()
            .fold(MARKS, |sum, item| sum + PLACE + of_value(item)),
        Value::Object(fields) => fields.iter().fold(MARKS, |sum, (name, field)| {
            sum + PLACE + of_name(name) + of_value(field)
        }),
    }
}

/// The size of a text's byte in JSON, which writes control characters in six bytes.
fn of_byte(byte: u8) -> u64 {
    match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    }
}
