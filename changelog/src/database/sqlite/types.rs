//! SQLite's types as SeaORM declares them.

use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;

use crate::database::types::{of, scale, text, zoned};
use crate::shape::{Reading, base};

/// See [`Dialect::reading`](crate::database::Dialect::reading).
pub(super) fn reading(ty: &str) -> Reading {
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
