//! Type readings that several databases share.

use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;

use crate::shape::Reading;

pub(super) fn of(column: ColumnType, rust: ArrayType) -> Reading {
    Reading { column, rust }
}

pub(super) fn text() -> Reading {
    of(ColumnType::Text, ArrayType::String)
}

/// Precision and scale in the type's parentheses.
pub(super) fn scale(ty: &str) -> Option<(u32, u32)> {
    let (_, inner) = ty.split_once('(')?;
    let (inner, _) = inner.split_once(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

pub(super) fn decimal(ty: &str) -> Reading {
    of(ColumnType::Decimal(scale(ty)), ArrayType::BigDecimal)
}

pub(super) fn zoned() -> Reading {
    of(
        ColumnType::TimestampWithTimeZone,
        ArrayType::ChronoDateTimeUtc,
    )
}
