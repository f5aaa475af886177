//! The text of a single value, and the value that the driver would have read in its place.

use std::borrow::Cow;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use rust_decimal::Decimal;
use sea_orm::ColumnType;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{ArrayType, Value};
use serde_json::Value as Json;

use crate::database::{Dialect, Images};
use crate::image;
use crate::shape::base;
use crate::sqlite_time::Times;

/// The kind of value, as the database gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A value of the column's declared type.
    Declared,
    /// SQLite's.
    Integer,
    /// SQLite's.
    Real,
    /// SQLite's.
    Text,
    /// The bytes are the value.
    Blob,
}

/// A value.
#[derive(Debug)]
pub(super) struct Scalar<'a> {
    pub(super) class: Class,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl<'a> Scalar<'a> {
    pub(super) fn untyped(bytes: &'a [u8]) -> Self {
        Self {
            class: Class::Declared,
            bytes: Cow::Borrowed(bytes),
        }
    }

    /// A JSON token: the content of a string, or any other value as its JSON text.
    pub(super) fn of_json(token: &'a str) -> Self {
        match serde_json::from_str::<String>(token) {
            Ok(text) => Self {
                class: Class::Declared,
                bytes: Cow::Owned(text.into_bytes()),
            },
            Err(_) => Self::untyped(token.as_bytes()),
        }
    }

    /// A value that the triggers of SQLite or MariaDB wrote.
    pub(super) fn stored(bytes: &'a [u8], ty: &str, dialect: &dyn Dialect) -> Self {
        if dialect.facts().images == Images::ByType {
            return Self::by_type(bytes, ty, dialect);
        }
        let Some((letter, rest)) = bytes.split_first() else {
            return Self::untyped(bytes);
        };
        let class = match letter {
            b'i' => Class::Integer,
            b'r' => Class::Real,
            b't' => Class::Text,
            b'b' => return Self::blob(rest).unwrap_or_else(|| Self::untyped(bytes)),
            _ => return Self::untyped(bytes),
        };
        Self {
            class,
            bytes: Cow::Borrowed(rest),
        }
    }

    fn by_type(bytes: &'a [u8], ty: &str, dialect: &dyn Dialect) -> Self {
        let own = match base(ty) {
            ty if dialect.is_hexadecimal(ty) => Self::blob(bytes),
            "bit" => bits(bytes, ty),
            "timestamp" => unix_time(bytes),
            _ => None,
        };
        own.unwrap_or_else(|| Self::untyped(bytes))
    }

    fn blob(hexadecimal: &[u8]) -> Option<Self> {
        Some(Self {
            class: Class::Blob,
            bytes: Cow::Owned(from_hexadecimal(hexadecimal)?),
        })
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// The value that the model's field would have; `None` if the driver would not read one.
    pub(super) fn value(
        &self,
        column: &ColumnType,
        rust: &ArrayType,
        dialect: &dyn Dialect,
    ) -> Option<Value> {
        use ArrayType as T;
        match rust {
            T::Bytes => return self.binary(dialect).map(|bytes| Value::Bytes(Some(bytes))),
            T::Uuid => return self.uuid(),
            _ if self.class == Class::Blob => return None,
            _ if dialect.facts().times_are_texts => {
                if let Some(times) = Times::of(rust) {
                    return read(column, rust, self.time_of_sqlite(times)?);
                }
            }
            _ => {}
        }
        let text = self.text()?;
        let is_text = matches!(self.class, Class::Declared | Class::Text);
        let is_integer = matches!(self.class, Class::Declared | Class::Integer);
        Some(match rust {
            T::Bool if is_integer => Value::Bool(Some(boolean(text)?)),
            T::TinyInt if is_integer => Value::TinyInt(text.parse().ok()),
            T::SmallInt if is_integer => Value::SmallInt(text.parse().ok()),
            T::Int if is_integer => Value::Int(text.parse().ok()),
            T::BigInt if is_integer => Value::BigInt(text.parse().ok()),
            T::TinyUnsigned if is_integer => Value::TinyUnsigned(text.parse().ok()),
            T::SmallUnsigned if is_integer => Value::SmallUnsigned(text.parse().ok()),
            T::Unsigned if is_integer => Value::Unsigned(text.parse().ok()),
            T::BigUnsigned if is_integer => Value::BigUnsigned(text.parse().ok()),
            T::Float | T::Double | T::Decimal | T::BigDecimal if self.class != Class::Text => {
                number(text, rust, dialect)?
            }
            T::String | T::Enum(_) | T::Char if is_text => text.into(),
            T::Json if is_text => Value::Json(Some(Box::new(serde_json::from_str(text).ok()?))),
            T::IpNetwork | T::MacAddress if is_text => read(column, rust, text.to_owned())?,
            T::ChronoDate
            | T::ChronoTime
            | T::ChronoDateTime
            | T::TimeDate
            | T::TimeTime
            | T::TimeDateTime
                if is_text =>
            {
                read(column, rust, moment(text, false))?
            }
            T::ChronoDateTimeUtc
            | T::ChronoDateTimeLocal
            | T::ChronoDateTimeWithTimeZone
            | T::TimeDateTimeWithTimeZone
                if is_text =>
            {
                read(column, rust, moment(text, true))?
            }
            _ => return None,
        })
        .filter(Value::is_some)
    }

    /// A time as images write it, whatever its spelling.
    fn time_of_sqlite(&self, times: Times) -> Option<String> {
        let text = self.text()?;
        match self.class {
            Class::Declared | Class::Text => times.image_text(text),
            Class::Integer => times.image_of_seconds(text.parse().ok()?),
            Class::Real => times.image_of_days(text.parse().ok()?),
            Class::Blob => None,
        }
    }

    fn binary(&self, dialect: &dyn Dialect) -> Option<Vec<u8>> {
        match (self.class, dialect.facts().images) {
            (Class::Blob | Class::Text, _) => Some(self.bytes.to_vec()),
            (Class::Declared, Images::Json) => from_hexadecimal(self.bytes.strip_prefix(b"\\x")?),
            _ => None,
        }
    }

    fn uuid(&self) -> Option<Value> {
        let uuid = match self.class {
            Class::Blob => Uuid::from_slice(&self.bytes).ok()?,
            _ => Uuid::try_parse(self.text()?).ok()?,
        };
        Some(Value::Uuid(Some(uuid)))
    }
}

fn read(column: &ColumnType, rust: &ArrayType, text: String) -> Option<Value> {
    image::decode(column, rust, &Json::String(text)).ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

fn number(text: &str, rust: &ArrayType, dialect: &dyn Dialect) -> Option<Value> {
    let is_double = dialect.facts().images != Images::Json;
    match rust {
        // A text of 17 digits is a double, which the driver rounds.
        ArrayType::Float if is_double => {
            #[expect(clippy::cast_possible_truncation, reason = "as the driver does")]
            let single = text.parse::<f64>().ok()? as f32;
            Some(Value::Float(Some(single)))
        }
        ArrayType::Float => Some(Value::Float(text.parse().ok())),
        ArrayType::Double => Some(Value::Double(text.parse().ok())),
        _ if !dialect.facts().decimals_are_reals => {
            let decimal = BigDecimal::from_str(text).ok()?;
            Some(Value::BigDecimal(Some(Box::new(decimal))))
        }
        ArrayType::Decimal => Decimal::try_from(text.parse::<f64>().ok()?)
            .ok()
            .map(Value::from),
        _ => BigDecimal::try_from(text.parse::<f64>().ok()?)
            .ok()
            .map(Value::from),
    }
}

/// A date or time as images write it, with its digits unchanged: `T` in the middle, the year in ISO form, the
/// offset complete.
fn moment(text: &str, is_zoned: bool) -> String {
    let (text, is_before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut text = text.to_owned();
    // A year ends at the second dash if it begins with one, else at the first.
    let end = text
        .get(1..)
        .and_then(|rest| rest.find('-'))
        .map(|at| at + 1);
    if let Some(end) = end.filter(|end| {
        text[..*end]
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_digit())
    }) && let Ok(year) = text[..end].parse::<i32>()
    {
        let year = if is_before_christ { 1 - year } else { year };
        let iso = match year {
            0..=9999 => format!("{year:04}"),
            _ => format!("{year:+05}"),
        };
        text.replace_range(..end, &iso);
    }
    if !is_zoned {
        return text;
    }
    with_offset(text)
}

/// Completes `+00`, ` +00:00` or a missing offset to the form of ISO 8601.
fn with_offset(text: String) -> String {
    let Some(time) = text.find([':']) else {
        return text;
    };
    let (head, tail) = text.split_at(time);
    let Some(sign) = tail.find(['+', '-', 'Z', 'z']) else {
        return format!("{text}Z");
    };
    let (clock, offset) = tail.split_at(sign);
    let offset = if offset.len() == 3 {
        format!("{offset}:00")
    } else {
        offset.to_owned()
    };
    format!("{head}{}{offset}", clock.trim_end())
}

/// A moment from its seconds since 1970.
fn unix_time<'a>(seconds: &[u8]) -> Option<Scalar<'a>> {
    let text = std::str::from_utf8(seconds).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        // The type's first moment is one second later, so this is its zero date.
        return Some(Scalar {
            class: Class::Declared,
            bytes: Cow::Borrowed(b"0000-00-00 00:00:00"),
        });
    }
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let moment = chrono::DateTime::from_timestamp(seconds.parse().ok()?, micros * 1_000)?;
    let text = moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    Some(Scalar {
        class: Class::Declared,
        bytes: Cow::Owned(text.into_bytes()),
    })
}

/// The bytes of a bit field, from its number.
fn bits<'a>(number: &[u8], ty: &str) -> Option<Scalar<'a>> {
    let number: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let size = ty.split(['(', ')']).nth(1).unwrap_or("1");
    let size: usize = size.parse().ok()?;
    let bytes = number.to_be_bytes();
    let from = bytes.len().checked_sub(size.div_ceil(8))?;
    Some(Scalar {
        class: Class::Blob,
        bytes: Cow::Owned(bytes.get(from..)?.to_vec()),
    })
}

fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}
