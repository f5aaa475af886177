//! How a column writes its values: the few forms to which all column types are reduced.
//!
//! The form is chosen by column type alone, so that rows of one table always look alike. This module does not
//! know values.

use sea_orm::ColumnType;

use super::ImageError;

/// How a column writes its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON number, for integers of up to 32 bits.
    Integer,
    /// Decimal digits in a string, because readers with 64-bit floats would round the number.
    LongInteger,
    /// Four digits in a string.
    Year,
    /// A JSON number, or a word for values that JSON cannot write.
    Float,
    /// A plain decimal in a string, with this number of fractional digits.
    Decimal(Option<u32>),
    /// A JSON boolean.
    Boolean,
    /// Base64.
    Bytes,
    /// Hyphenated, lower case.
    Uuid,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS.ffffff`.
    Time,
    /// Date and time, joined by `T`.
    DateTime,
    /// Date and time in UTC, with `Z`.
    ZonedDateTime,
    /// Nested JSON, unchanged.
    Json,
    /// The text, unchanged.
    Text,
    /// An address, with its prefix length unless it is a single host.
    Inet,
    /// An address with its prefix length.
    Cidr,
    /// Lower case, colon separated.
    MacAddr,
    /// The column type does not determine a form; the value's own type does.
    Natural,
    /// Not a single value: an array, or a type that is unknown here.
    Other,
}

impl Form {
    /// The form of a column of this type.
    pub(super) fn of(column: &ColumnType) -> Self {
        use ColumnType as C;
        match column {
            C::TinyInteger | C::SmallInteger | C::Integer => Self::Integer,
            C::TinyUnsigned | C::SmallUnsigned | C::Unsigned => Self::Integer,
            C::BigInteger | C::BigUnsigned => Self::LongInteger,
            C::Year => Self::Year,
            C::Float | C::Double => Self::Float,
            C::Decimal(size) | C::Money(size) => Self::Decimal(size.map(|(_, scale)| scale)),
            C::Boolean => Self::Boolean,
            C::Blob | C::Binary(_) | C::VarBinary(_) | C::Bit(_) | C::VarBit(_) => Self::Bytes,
            C::Uuid => Self::Uuid,
            C::Date => Self::Date,
            C::Time => Self::Time,
            C::DateTime | C::Timestamp => Self::DateTime,
            C::TimestampWithTimeZone => Self::ZonedDateTime,
            C::Json | C::JsonBinary => Self::Json,
            C::Char(_) | C::String(_) | C::Text => Self::Text,
            C::Enum { .. } | C::Interval(..) | C::LTree => Self::Text,
            C::Inet => Self::Inet,
            C::Cidr => Self::Cidr,
            C::MacAddr => Self::MacAddr,
            C::Custom(_) => Self::Natural,
            _ => Self::Other,
        }
    }

    /// The error for a kind of value that columns of this form do not hold.
    pub(super) fn refuses(self, value: &'static str) -> ImageError {
        let column = match self {
            Self::Integer => "an integer column",
            Self::LongInteger => "a 64-bit integer column",
            Self::Year => "a year column",
            Self::Float => "a float column",
            Self::Decimal(_) => "a decimal column",
            Self::Boolean => "a boolean column",
            Self::Bytes => "a binary column",
            Self::Uuid => "a uuid column",
            Self::Date => "a date column",
            Self::Time => "a time column",
            Self::DateTime | Self::ZonedDateTime => "a timestamp column",
            Self::Json => "a JSON column",
            Self::Text => "a text column",
            Self::Inet | Self::Cidr => "a network address column",
            Self::MacAddr => "a MAC address column",
            Self::Natural => "a column of custom type",
            Self::Other => "a column of this type",
        };
        ImageError::Unsupported { column, value }
    }
}
