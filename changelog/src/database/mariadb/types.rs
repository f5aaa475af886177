//! MariaDB's types as the catalogue names them.

use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;

use crate::database::types::{decimal, of, text, zoned};
use crate::shape::{Reading, base};

/// Types whose values are arbitrary texts.
pub(super) const TEXTS: [&str; 9] = [
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "json",
    "enum",
    "set",
];

/// Whether the triggers write the type in hexadecimal.
pub(super) fn is_hexadecimal(ty: &str) -> bool {
    let others = [
        "tinyint",
        "smallint",
        "mediumint",
        "int",
        "bigint",
        "decimal",
        "float",
        "double",
        "bit",
        "date",
        "time",
        "datetime",
        "timestamp",
        "year",
        "uuid",
        "inet4",
        "inet6",
    ];
    let base = base(ty);
    !TEXTS.contains(&base) && !others.contains(&base)
}

/// See [`Dialect::reading`](crate::database::Dialect::reading).
pub(super) fn reading(ty: &str) -> Reading {
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
        // Times are taken to be in UTC, as the reference application stores them.
        "datetime" | "timestamp" => zoned(),
        "json" => of(ColumnType::Json, ArrayType::Json),
        "bit" => of(ColumnType::Blob, ArrayType::Bytes),
        other if is_hexadecimal(other) => of(ColumnType::Blob, ArrayType::Bytes),
        _ => text(),
    }
}

/// How values of a type are compared with a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// As bytes.
    Binary,
    /// As a number.
    Number,
    /// Ordered by the member's number, but compared with a text as a text.
    Member,
    /// As a text.
    Text,
}

pub(super) fn kind(ty: &str) -> Comparison {
    match base(ty) {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
        | "double" | "bit" | "year" => Comparison::Number,
        "enum" | "set" => Comparison::Member,
        other if is_hexadecimal(other) => Comparison::Binary,
        _ => Comparison::Text,
    }
}
