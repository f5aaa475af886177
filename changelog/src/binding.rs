//! Values that the drivers lose: what to bind instead, and what to refuse.
//!
//! A value that a driver cannot encode it leaves out of the statement, without an error, so that on
//! SQLite the values behind it end up one column early. Others arrive as NULL or as a zero date. All
//! of it found by experiment with sqlx 0.9; the specimen tests keep it true. Knows values and
//! databases, nothing of columns or statements.

use bigdecimal::{BigDecimal, ToPrimitive};
use chrono::Timelike;
use rust_decimal::Decimal;
use sea_orm::prelude::{TimeDateTime, TimeDateTimeWithTimeZone};
use sea_orm::sea_query::Value;
use sea_orm::{ColumnType, DbBackend, Statement};
use time::UtcOffset;

use crate::error::CaptureError;
use crate::image;

/// Digits that PostgreSQL's `numeric` has before and after the point.
const NUMERIC_DIGITS: (i64, i64) = (131_072, 16_383);

/// The same value in a type that the driver binds without loss.
///
/// On MariaDB a `timestamp` parameter outside of 1970 to 2038 arrives as NULL, whatever column it is
/// for: times in UTC are bound as `datetime`. On SQLite times are text, and compare only if all have
/// one offset: local ones are bound in UTC.
#[must_use]
pub fn bindable(value: Value, backend: DbBackend) -> Value {
    match (backend, value) {
        (DbBackend::MySql, Value::ChronoDateTimeUtc(Some(moment))) => moment.naive_utc().into(),
        (DbBackend::MySql, Value::ChronoDateTimeLocal(Some(moment))) => moment.naive_utc().into(),
        (DbBackend::MySql, Value::TimeDateTimeWithTimeZone(Some(moment))) => {
            in_utc(moment).map_or(Value::TimeDateTimeWithTimeZone(Some(moment)), Value::from)
        }
        (DbBackend::Sqlite, Value::ChronoDateTimeLocal(Some(moment))) => moment.to_utc().into(),
        (_, value) => value,
    }
}

fn in_utc(moment: TimeDateTimeWithTimeZone) -> Option<TimeDateTime> {
    let utc = moment.checked_to_offset(UtcOffset::UTC)?;
    Some(TimeDateTime::new(utc.date(), utc.time()))
}

/// The statement with every value [`bindable`].
pub(crate) fn make_bindable(mut statement: Statement) -> Statement {
    let backend = statement.db_backend;
    if let Some(values) = &mut statement.values {
        let bound = std::mem::take(&mut values.0).into_iter();
        values.0 = bound.map(|value| bindable(value, backend)).collect();
    }
    statement
}

/// Refuses a value that the driver would lose, or panic on.
pub(crate) fn check(column: &str, value: &Value, backend: DbBackend) -> Result<(), CaptureError> {
    match value {
        Value::BigUnsigned(Some(number))
            if backend != DbBackend::MySql && i64::try_from(*number).is_err() =>
        {
            Err(CaptureError::IntegerTooLarge {
                column: column.to_owned(),
                value: *number,
            })
        }
        Value::Array(..) | Value::IpNetwork(_) | Value::MacAddress(_)
            if backend != DbBackend::Postgres =>
        {
            Err(CaptureError::UnsupportedHere {
                column: column.to_owned(),
                database: backend.as_str(),
            })
        }
        Value::Array(_, Some(items)) => items
            .iter()
            .try_for_each(|item| check(column, item, backend)),
        value if value.is_some() && !holds(backend, value) => Err(CaptureError::OutOfRange {
            column: column.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether the value is one that the database can be given.
fn holds(backend: DbBackend, value: &Value) -> bool {
    match backend {
        DbBackend::Sqlite => sqlite_holds(value),
        DbBackend::MySql => mariadb_holds(value),
        DbBackend::Postgres => postgres_holds(value),
        _ => true,
    }
}

/// NaN becomes NULL, decimals become REAL, and the `time` crate writes no other years with an
/// offset.
fn sqlite_holds(value: &Value) -> bool {
    match value {
        Value::Float(Some(number)) => !number.is_nan(),
        Value::Double(Some(number)) => !number.is_nan(),
        Value::Decimal(Some(number)) => number
            .to_f64()
            .is_some_and(|real| Decimal::try_from(real).is_ok()),
        Value::BigDecimal(Some(number)) => number.to_f64().is_some_and(f64::is_finite),
        Value::TimeDateTimeWithTimeZone(Some(moment)) => (0..=9999).contains(&moment.year()),
        _ => true,
    }
}

/// Years of more than four digits and leap seconds become zeros, negative years are left out.
fn mariadb_holds(value: &Value) -> bool {
    let is_time = matches!(
        value,
        Value::ChronoDate(_)
            | Value::ChronoTime(_)
            | Value::ChronoDateTime(_)
            | Value::ChronoDateTimeUtc(_)
            | Value::ChronoDateTimeLocal(_)
            | Value::ChronoDateTimeWithTimeZone(_)
            | Value::TimeDate(_)
            | Value::TimeTime(_)
            | Value::TimeDateTime(_)
            | Value::TimeDateTimeWithTimeZone(_)
    );
    // The image of a time says both: a year beyond four digits has a sign.
    let text = is_time.then(|| image::encode(&ColumnType::Text, value));
    match text {
        Some(Ok(text)) => text
            .as_str()
            .is_some_and(|text| !text.starts_with(['+', '-']) && !text.contains(":60.")),
        Some(Err(_)) => false,
        None => true,
    }
}

/// A leap second at the end of a day becomes 24:00:00, which is read back as 00:00:00.
fn postgres_holds(value: &Value) -> bool {
    match value {
        Value::ChronoTime(Some(time)) => {
            time.nanosecond() < 1_000_000_000 || (time.hour(), time.minute()) != (23, 59)
        }
        Value::BigDecimal(Some(number)) => numeric_holds(number),
        _ => true,
    }
}

fn numeric_holds(number: &BigDecimal) -> bool {
    let (most_whole, most_fraction) = NUMERIC_DIGITS;
    let fraction = number.fractional_digit_count();
    let digits = i64::try_from(number.digits()).unwrap_or(i64::MAX);
    fraction <= most_fraction && digits.saturating_sub(fraction) <= most_whole
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
    use sea_orm::prelude::{ChronoDateTimeUtc, Uuid};
    use sea_orm::sea_query::Values;
    use serde_json::json;

    use super::*;

    fn moment(text: &str) -> ChronoDateTimeUtc {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn times_in_utc_are_bound_as_mariadb_and_sqlite_keep_them() {
        let utc = moment("2050-01-01T00:00:00.000001Z");
        let naive = Value::from(utc.naive_utc());
        let local = Value::from(utc.with_timezone(&chrono::Local));
        assert_eq!(bindable(utc.into(), DbBackend::MySql), naive);
        assert_eq!(bindable(local.clone(), DbBackend::MySql), naive);
        assert_eq!(bindable(local.clone(), DbBackend::Sqlite), utc.into());
        assert_eq!(bindable(local.clone(), DbBackend::Postgres), local);
        assert_eq!(bindable(utc.into(), DbBackend::Postgres), utc.into());
        let null = Value::ChronoDateTimeUtc(None);
        assert_eq!(bindable(null.clone(), DbBackend::MySql), null);
        let time = TimeDateTimeWithTimeZone::UNIX_EPOCH;
        let Value::TimeDateTime(Some(plain)) = bindable(time.into(), DbBackend::MySql) else {
            panic!("still zoned");
        };
        assert_eq!(plain.assume_utc(), time);
    }

    #[test]
    fn every_value_of_a_statement_is_made_bindable() {
        let utc = DateTime::<Utc>::UNIX_EPOCH;
        let statement = Statement {
            sql: String::new(),
            values: Some(Values(vec![1.into(), utc.into()])),
            db_backend: DbBackend::MySql,
        };
        let bound = make_bindable(statement).values;
        assert_eq!(bound, Some(Values(vec![1.into(), utc.naive_utc().into()])));
    }

    #[test]
    fn what_a_driver_would_lose_is_refused() {
        const SQLITE: DbBackend = DbBackend::Sqlite;
        const POSTGRES: DbBackend = DbBackend::Postgres;
        const MARIADB: DbBackend = DbBackend::MySql;
        let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000);
        let year = |year| NaiveDate::from_ymd_opt(year, 1, 1);
        let lost: [(Value, &[DbBackend]); 12] = [
            (u64::MAX.into(), &[SQLITE, POSTGRES]),
            (f64::NAN.into(), &[SQLITE]),
            (f32::NAN.into(), &[SQLITE]),
            (f64::INFINITY.into(), &[]),
            (leap.into(), &[MARIADB, POSTGRES]),
            (year(10_000).into(), &[MARIADB]),
            (year(-1).into(), &[MARIADB]),
            (year(0).into(), &[]),
            (Decimal::MAX.into(), &[SQLITE]),
            (
                "1e400".parse::<BigDecimal>().unwrap_or_default().into(),
                &[SQLITE],
            ),
            (
                "1e-20000".parse::<BigDecimal>().unwrap_or_default().into(),
                &[POSTGRES],
            ),
            (Uuid::nil().into(), &[]),
        ];
        for (value, databases) in lost {
            for backend in [SQLITE, POSTGRES, MARIADB] {
                let refused = check("x", &value, backend).is_err();
                assert_eq!(
                    refused,
                    databases.contains(&backend),
                    "{value:?} on {backend:?}"
                );
            }
        }
        let array = |items: Vec<Value>| {
            let rust = items[0].array_type();
            Value::Array(rust, Some(Box::new(items)))
        };
        assert!(check("x", &array(vec![1_i32.into()]), SQLITE).is_err());
        assert!(check("x", &array(vec![1_i32.into(), 2_i32.into()]), POSTGRES).is_ok());
        assert!(check("x", &array(vec![1_u64.into(), u64::MAX.into()]), POSTGRES).is_err());
        assert!(check("x", &Value::Json(Some(Box::new(json!({})))), MARIADB).is_ok());
    }
}
