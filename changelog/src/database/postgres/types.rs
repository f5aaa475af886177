//! PostgreSQL's types as the catalogue names them.

use sea_orm::ColumnType;
use sea_orm::sea_query::{ArrayType, RcOrArc};

use crate::database::types::{decimal, of, text, zoned};
use crate::shape::{Reading, base};

/// See [`Dialect::reading`](crate::database::Dialect::reading).
pub(super) fn reading(ty: &str) -> Reading {
    if let Some(element) = ty.strip_suffix("[]") {
        let Reading { column, rust } = reading(element);
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
