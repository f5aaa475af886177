//! Values as every database would store them.
//!
//! A canonical value has the same image before and after it is stored. This module knows the precision that
//! all databases share, but no single database.

use sea_orm::ColumnType;
use sea_orm::sea_query::Value;

use super::decimal;
use super::form::Form;
use super::temporal::{with_chrono, with_time};

/// The value as every database would store it: times cut to microseconds and in UTC (except local ones, whose
/// type is their zone), decimals rounded half away from zero to the scale that the column declares. Other
/// values are returned unchanged.
///
/// Only SQLite would keep an offset, and compare two times as the texts in which they are stored.
pub fn canonical(column: &ColumnType, value: Value) -> Value {
    match value {
        Value::ChronoTime(v) => Value::ChronoTime(v.map(with_chrono::cut_time)),
        Value::ChronoDateTime(v) => Value::ChronoDateTime(v.map(with_chrono::cut_naive)),
        Value::ChronoDateTimeUtc(v) => Value::ChronoDateTimeUtc(v.map(with_chrono::cut)),
        Value::ChronoDateTimeLocal(v) => Value::ChronoDateTimeLocal(v.map(with_chrono::cut)),
        Value::ChronoDateTimeWithTimeZone(v) => {
            let utc = v.map(|v| with_chrono::cut(v).to_utc().fixed_offset());
            Value::ChronoDateTimeWithTimeZone(utc)
        }
        Value::TimeTime(v) => Value::TimeTime(v.map(with_time::cut_time)),
        Value::TimeDateTime(v) => Value::TimeDateTime(v.map(with_time::cut_naive)),
        Value::TimeDateTimeWithTimeZone(v) => {
            Value::TimeDateTimeWithTimeZone(v.map(with_time::cut_in_utc))
        }
        Value::Array(rust, Some(items)) => {
            let element = match column {
                ColumnType::Array(element) => element,
                other => other,
            };
            let items = items.into_iter().map(|item| canonical(element, item));
            Value::Array(rust, Some(Box::new(items.collect())))
        }
        Value::Decimal(Some(v)) => match Form::of(column) {
            Form::Decimal(Some(scale)) => Value::Decimal(Some(decimal::canonical(v, scale))),
            _ => Value::Decimal(Some(v)),
        },
        Value::BigDecimal(Some(v)) => match Form::of(column) {
            Form::Decimal(Some(scale)) => Value::BigDecimal(Some(decimal::canonical_big(v, scale))),
            _ => Value::BigDecimal(Some(v)),
        },
        other => other,
    }
}
