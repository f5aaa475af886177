//! Selects the part of the codec that reads and writes each type of value.
//!
//! There are two tables, one per direction, which name the same types in the same order. The column's type
//! determines the form, the value's type the result of reading. This module does not know the texts of the
//! forms.

use sea_orm::ColumnType;
use sea_orm::sea_query::{ArrayType, Enum, OptionEnum, Value};
use serde_json::Value as Json;

use super::form::Form;
use super::temporal::{encode_clock, encode_day, encode_moment, with_chrono, with_time};
use super::{ImageError, decimal, float, integer, network, text};

/// A value's image in a column of this type.
///
/// | column | image |
/// |---|---|
/// | integers of up to 32 bits | number |
/// | 64-bit integers | string of digits |
/// | decimal, money | string, with the declared scale (rounded half away from zero) or else without trailing zeros; no exponent, no negative zero |
/// | float, double | number of shortest digits; `"NaN"`, `"Infinity"`, `"-Infinity"` |
/// | boolean | boolean |
/// | binary, blob, bit | base64, padded |
/// | uuid | hyphenated, lower case |
/// | date, time, timestamp | `YYYY-MM-DD`, `HH:MM:SS.ffffff`, both joined by `T`; finer digits cut off |
/// | timestamp with time zone (or a zoned value) | the same in UTC, with `Z` |
/// | json | nested, as it is |
/// | array | array |
/// | enum | the stored word or number |
/// | inet, cidr, macaddr, interval, year, text | the text |
/// | custom | as the value's own type is written |
///
/// NULL is null everywhere, and cannot be distinguished from JSON null in a JSON column.
///
/// # Errors
/// If columns of this type do not hold such values, or the value cannot be written as an image.
pub fn encode(column: &ColumnType, value: &Value) -> Result<Json, ImageError> {
    if !value.is_some() {
        return Ok(Json::Null);
    }
    let element = match column {
        ColumnType::Array(element) => element,
        other => other,
    };
    match (column, value) {
        (ColumnType::Array(_) | ColumnType::Custom(_), Value::Array(_, Some(items))) => {
            let images = items.iter().map(|item| encode(element, item));
            images.collect::<Result<_, _>>().map(Json::Array)
        }
        _ => encode_one(Form::of(column), value),
    }
}

fn encode_one(form: Form, value: &Value) -> Result<Json, ImageError> {
    match value {
        Value::Bool(Some(v)) => integer::encode_bool(form, *v),
        Value::TinyInt(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::SmallInt(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::Int(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::BigInt(Some(v)) => integer::encode(form, (*v).into(), true),
        Value::TinyUnsigned(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::SmallUnsigned(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::Unsigned(Some(v)) => integer::encode(form, (*v).into(), false),
        Value::BigUnsigned(Some(v)) => integer::encode(form, (*v).into(), true),
        Value::Float(Some(v)) => float::encode(form, *v),
        Value::Double(Some(v)) => float::encode(form, *v),
        Value::String(Some(v)) => text::encode(form, v),
        Value::Enum(OptionEnum::Some(v)) => text::encode(form, &v.value),
        Value::Char(Some(v)) => text::encode(form, &v.to_string()),
        Value::Bytes(Some(v)) => text::encode_bytes(form, v),
        Value::Json(Some(v)) => text::encode_json(form, v),
        Value::ChronoDate(Some(v)) => encode_day(form, (*v).into()),
        Value::ChronoTime(Some(v)) => encode_clock(form, (*v).into()),
        Value::ChronoDateTime(Some(v)) => encode_moment(form, (*v).into()),
        Value::ChronoDateTimeUtc(Some(v)) => encode_moment(form, v.into()),
        Value::ChronoDateTimeLocal(Some(v)) => encode_moment(form, v.into()),
        Value::ChronoDateTimeWithTimeZone(Some(v)) => encode_moment(form, v.into()),
        Value::TimeDate(Some(v)) => encode_day(form, (*v).into()),
        Value::TimeTime(Some(v)) => encode_clock(form, (*v).into()),
        Value::TimeDateTime(Some(v)) => encode_moment(form, (*v).into()),
        Value::TimeDateTimeWithTimeZone(Some(v)) => with_time::encode_zoned(form, *v),
        Value::Uuid(Some(v)) => text::encode_uuid(form, *v),
        Value::Decimal(Some(v)) => decimal::encode(form, v),
        Value::BigDecimal(Some(v)) => decimal::encode_big(form, v),
        Value::IpNetwork(Some(v)) => network::encode(form, *v),
        Value::MacAddress(Some(v)) => network::encode_mac(form, *v),
        Value::Array(..) => Err(form.refuses("an array")),
        _ => Err(form.refuses("a value of this type")),
    }
}

/// The value behind an image: the reverse of [`encode`].
///
/// `rust` is what `ModelTrait::get_value_type` returns for the column: the variant of `Value` that the
/// model's field takes (for an array, its elements). A 64-bit integer may also be a JSON integer, a float an
/// integer, a zoned time may have any offset, a naive one may be separated by a space or have an offset,
/// which is then applied. In an array of JSON, null is JSON null; alone it is NULL.
///
/// # Errors
/// If the JSON is not an image of such a column, or the value does not fit the Rust type.
pub fn decode(column: &ColumnType, rust: &ArrayType, json: &Json) -> Result<Value, ImageError> {
    let (element, items) = match (column, json) {
        (ColumnType::Array(_), Json::Null) => return Ok(Value::Array(rust.clone(), None)),
        (ColumnType::Array(element), Json::Array(items)) => (&**element, items),
        (ColumnType::Array(_), other) => return Err(ImageError::wrong("an array", other)),
        (ColumnType::Custom(_), Json::Array(items)) if *rust != ArrayType::Json => (column, items),
        _ => {
            let json = Some(json).filter(|json| !json.is_null());
            return decode_one(Form::of(column), rust, json);
        }
    };
    let values = items.iter().map(|item| match (rust, item) {
        // A model field of an array type cannot hold NULL elements, but JSON has its own null.
        (ArrayType::Json, Json::Null) => Ok(Value::Json(Some(Box::new(Json::Null)))),
        _ => decode(element, rust, item),
    });
    let values = values.collect::<Result<_, _>>()?;
    Ok(Value::Array(rust.clone(), Some(Box::new(values))))
}

/// `None` is NULL.
fn decode_one(form: Form, rust: &ArrayType, json: Option<&Json>) -> Result<Value, ImageError> {
    use ArrayType as T;
    Ok(match rust {
        T::Bool => Value::Bool(read(form, json, integer::decode_bool)?),
        T::TinyInt => Value::TinyInt(read(form, json, integer::decode)?),
        T::SmallInt => Value::SmallInt(read(form, json, integer::decode)?),
        T::Int => Value::Int(read(form, json, integer::decode)?),
        T::BigInt => Value::BigInt(read(form, json, integer::decode)?),
        T::TinyUnsigned => Value::TinyUnsigned(read(form, json, integer::decode)?),
        T::SmallUnsigned => Value::SmallUnsigned(read(form, json, integer::decode)?),
        T::Unsigned => Value::Unsigned(read(form, json, integer::decode)?),
        T::BigUnsigned => Value::BigUnsigned(read(form, json, integer::decode)?),
        T::Float => Value::Float(read(form, json, float::decode)?),
        T::Double => Value::Double(read(form, json, float::decode)?),
        T::String => Value::String(read(form, json, text::decode)?),
        T::Enum(name) => {
            let type_name = (**name).clone();
            Value::Enum(match read(form, json, text::decode)? {
                Some(word) => OptionEnum::Some(Box::new(Enum {
                    type_name,
                    value: word.into(),
                })),
                None => OptionEnum::None(type_name),
            })
        }
        T::Char => Value::Char(read(form, json, text::decode_char)?),
        T::Bytes => Value::Bytes(read(form, json, text::decode_bytes)?),
        T::Json => Value::Json(read(form, json, text::encode_json)?.map(Box::new)),
        T::ChronoDate => Value::ChronoDate(read(form, json, with_chrono::date)?),
        T::ChronoTime => Value::ChronoTime(read(form, json, with_chrono::time)?),
        T::ChronoDateTime => Value::ChronoDateTime(read(form, json, with_chrono::naive)?),
        T::ChronoDateTimeUtc => Value::ChronoDateTimeUtc(read(form, json, with_chrono::utc)?),
        T::ChronoDateTimeLocal => Value::ChronoDateTimeLocal(read(form, json, with_chrono::local)?),
        T::ChronoDateTimeWithTimeZone => {
            Value::ChronoDateTimeWithTimeZone(read(form, json, with_chrono::fixed)?)
        }
        T::TimeDate => Value::TimeDate(read(form, json, with_time::date)?),
        T::TimeTime => Value::TimeTime(read(form, json, with_time::time)?),
        T::TimeDateTime => Value::TimeDateTime(read(form, json, with_time::naive)?),
        T::TimeDateTimeWithTimeZone => {
            Value::TimeDateTimeWithTimeZone(read(form, json, with_time::zoned)?)
        }
        T::Uuid => Value::Uuid(read(form, json, text::decode_uuid)?),
        T::Decimal => Value::Decimal(read(form, json, decimal::decode)?),
        T::BigDecimal => Value::BigDecimal(read(form, json, decimal::decode_big)?),
        T::IpNetwork => Value::IpNetwork(read(form, json, network::decode)?),
        T::MacAddress => Value::MacAddress(read(form, json, network::decode_mac)?),
        // There are more types if another crate switches on features of SeaORM.
        #[allow(unreachable_patterns)]
        _ => return Err(form.refuses("a value of this type")),
    })
}

fn read<T>(
    form: Form,
    json: Option<&Json>,
    decode: impl Fn(Form, &Json) -> Result<T, ImageError>,
) -> Result<Option<T>, ImageError> {
    json.map(|json| decode(form, json)).transpose()
}
