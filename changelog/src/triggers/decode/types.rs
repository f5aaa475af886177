//! Column types from the catalogue's words, for columns that no entity of the program tells of.

use sea_orm::sea_query::{ArrayType, RcOrArc};
use sea_orm::{ColumnType, DbBackend};

use super::Reading;
use crate::triggers::mariadb::{base, is_hexadecimal};

/// How columns of a type are read.
pub(super) fn reading(ty: &str, backend: DbBackend) -> Reading {
    match backend {
        DbBackend::Postgres => postgres(ty),
        DbBackend::MySql => mariadb(ty),
        _ => sqlite(ty),
    }
}

fn of(column: ColumnType, rust: ArrayType) -> Reading {
    Reading { column, rust }
}

fn text() -> Reading {
    of(ColumnType::Text, ArrayType::String)
}

/// Precision and scale in the type's parentheses.
fn scale(ty: &str) -> Option<(u32, u32)> {
    let (_, inner) = ty.split_once('(')?;
    let (inner, _) = inner.split_once(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

fn decimal(ty: &str) -> Reading {
    of(ColumnType::Decimal(scale(ty)), ArrayType::BigDecimal)
}

fn zoned() -> Reading {
    of(
        ColumnType::TimestampWithTimeZone,
        ArrayType::ChronoDateTimeUtc,
    )
}

fn postgres(ty: &str) -> Reading {
    if let Some(element) = ty.strip_suffix("[]") {
        let Reading { column, rust } = postgres(element);
        return of(ColumnType::Array(RcOrArc::new(column)), rust);
    }
    match base(ty) {
        "smallint" | "integer" | "\"char\"" => of(ColumnType::Integer, ArrayType::Int),
        "bigint" => of(ColumnType::BigInteger, ArrayType::BigInt),
        "real" => of(ColumnType::Float, ArrayType::Float),
        "double" => of(ColumnType::Double, ArrayType::Double),
        "numeric" => decimal(ty),
        "boolean" => of(ColumnType::Boolean, ArrayType::Bool),
        "bytea" => of(ColumnType::Blob, ArrayType::Bytes),
        "uuid" => of(ColumnType::Uuid, ArrayType::Uuid),
        "json" => of(ColumnType::Json, ArrayType::Json),
        "jsonb" => of(ColumnType::JsonBinary, ArrayType::Json),
        "date" => of(ColumnType::Date, ArrayType::ChronoDate),
        "time" if !ty.ends_with("with time zone") => of(ColumnType::Time, ArrayType::ChronoTime),
        "timestamp" if ty.ends_with("with time zone") => zoned(),
        "timestamp" => of(ColumnType::DateTime, ArrayType::ChronoDateTime),
        "inet" => of(ColumnType::Inet, ArrayType::IpNetwork),
        "cidr" => of(ColumnType::Cidr, ArrayType::IpNetwork),
        "macaddr" => of(ColumnType::MacAddr, ArrayType::MacAddress),
        _ => text(),
    }
}

fn mariadb(ty: &str) -> Reading {
    match base(ty) {
        "tinyint" if ty == "tinyint(1)" => of(ColumnType::Boolean, ArrayType::Bool),
        "tinyint" | "smallint" | "mediumint" => of(ColumnType::Integer, ArrayType::Int),
        "int" if ty.contains("unsigned") => of(ColumnType::Unsigned, ArrayType::Unsigned),
        "int" => of(ColumnType::Integer, ArrayType::Int),
        "bigint" if ty.contains("unsigned") => of(ColumnType::BigUnsigned, ArrayType::BigUnsigned),
        "bigint" => of(ColumnType::BigInteger, ArrayType::BigInt),
        "float" => of(ColumnType::Float, ArrayType::Float),
        "double" => of(ColumnType::Double, ArrayType::Double),
        "decimal" => decimal(ty),
        "binary" if ty == "binary(16)" => of(ColumnType::Uuid, ArrayType::Uuid),
        "uuid" => of(ColumnType::Uuid, ArrayType::Uuid),
        "date" => of(ColumnType::Date, ArrayType::ChronoDate),
        "time" => of(ColumnType::Time, ArrayType::ChronoTime),
        // Times in UTC, as the reference application keeps them.
        "datetime" | "timestamp" => zoned(),
        "json" => of(ColumnType::Json, ArrayType::Json),
        "bit" => of(ColumnType::Blob, ArrayType::Bytes),
        other if is_hexadecimal(other) => of(ColumnType::Blob, ArrayType::Bytes),
        _ => text(),
    }
}

fn sqlite(ty: &str) -> Reading {
    match base(ty) {
        "boolean" => of(ColumnType::Boolean, ArrayType::Bool),
        "tinyint" | "smallint" | "int" | "mediumint" => of(ColumnType::Integer, ArrayType::Int),
        "integer" | "bigint" => of(ColumnType::BigInteger, ArrayType::BigInt),
        "float" => of(ColumnType::Float, ArrayType::Float),
        "double" => of(ColumnType::Double, ArrayType::Double),
        "real" if scale(ty).is_none() => of(ColumnType::Double, ArrayType::Double),
        "real" | "real_decimal" | "real_money" | "decimal" | "numeric" => {
            of(ColumnType::Decimal(scale(ty)), ArrayType::Decimal)
        }
        "uuid_text" | "uuid" => of(ColumnType::Uuid, ArrayType::Uuid),
        "blob" | "varbinary_blob" => of(ColumnType::Blob, ArrayType::Bytes),
        "date_text" | "date" => of(ColumnType::Date, ArrayType::ChronoDate),
        "time_text" | "time" => of(ColumnType::Time, ArrayType::ChronoTime),
        "datetime_text" | "timestamp_text" => of(ColumnType::DateTime, ArrayType::ChronoDateTime),
        "timestamp_with_timezone_text" => zoned(),
        "json_text" | "jsonb_text" => of(ColumnType::Json, ArrayType::Json),
        _ => text(),
    }
}
