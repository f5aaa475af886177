//! Tests of the codec: tables of cases per type, round trips of generated values, a real entity.

#![allow(clippy::unwrap_used)]

use sea_orm::ColumnType;
use sea_orm::sea_query::Value;
use serde_json::Value as Json;

use super::{decode, encode, same};

mod numbers;
mod refusals;
mod round_trip;
mod rows;
mod times;
mod values;

/// Whether two values are equal and of the same type. Unlike `==` it distinguishes the two zeros.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(Some(l)), Value::Float(Some(r))) => {
            l.to_bits() == r.to_bits() || l.is_nan() && r.is_nan()
        }
        (Value::Double(Some(l)), Value::Double(Some(r))) => {
            l.to_bits() == r.to_bits() || l.is_nan() && r.is_nan()
        }
        (Value::Array(lt, Some(l)), Value::Array(rt, Some(r))) => {
            lt == rt && l.len() == r.len() && l.iter().zip(r.iter()).all(|(l, r)| equal(l, r))
        }
        _ => left == right,
    }
}

/// The value that comes back when a value's image is stored as text and read again.
fn there_and_back(column: &ColumnType, value: &Value) -> Value {
    let json = encode(column, value).unwrap_or_else(|e| panic!("{column:?} {value:?}: {e}"));
    let stored: Json = serde_json::from_str(&json.to_string()).unwrap();
    assert!(same(&json, &stored), "{json} was stored as {stored}");
    decode(column, &value.array_type(), &stored)
        .unwrap_or_else(|e| panic!("{column:?} {value:?} as {stored}: {e}"))
}

/// Checks that the value has this image, and the image this value.
fn check(column: ColumnType, value: impl Into<Value>, image: Json) {
    let value = value.into();
    let found = encode(&column, &value).unwrap_or_else(|e| panic!("{column:?} {value:?}: {e}"));
    assert!(
        same(&found, &image),
        "{column:?} {value:?}: {found}, not {image}"
    );
    let back = there_and_back(&column, &value);
    assert!(
        equal(&back, &value),
        "{column:?} {image}: {back:?}, not {value:?}"
    );
}

/// Checks that the image is read as this value, although the value would be written differently.
fn reads(column: ColumnType, image: Json, value: impl Into<Value>) {
    let value = value.into();
    let found = decode(&column, &value.array_type(), &image)
        .unwrap_or_else(|e| panic!("{column:?} {image}: {e}"));
    assert!(
        equal(&found, &value),
        "{column:?} {image}: {found:?}, not {value:?}"
    );
}
