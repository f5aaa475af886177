//! Values that the drivers lose: what is bound instead, and what is refused.
//!
//! A driver leaves a value that it cannot encode out of the statement without an error, so that on SQLite the
//! values behind it end up one column early. Other values arrive as NULL or as a zero date. All of this was
//! found by experiment with sqlx 0.9, and the specimen tests check it. This module knows values and
//! databases, not statements.

use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, EntityTrait, IdenStatic, Statement};
use serde_json::Value as Json;

use crate::database;
use crate::error::ValueRefusal;
use crate::image::{self, ImageError};

/// The same value in a type that the driver binds without loss.
///
/// On MariaDB a `timestamp` parameter outside of 1970 to 2038 arrives as NULL, whatever the column, so times
/// in UTC are bound as `datetime`. On SQLite times are text, which compare correctly only if all have one
/// offset, so local ones are bound in UTC.
#[must_use]
pub fn bindable(value: Value, backend: DbBackend) -> Value {
    database::on(backend).bindable(value)
}

/// Makes every value of the statement [`bindable`].
pub(crate) fn make_bindable(mut statement: Statement) -> Statement {
    let dialect = database::on(statement.db_backend);
    if let Some(values) = &mut statement.values {
        let bound = std::mem::take(&mut values.0).into_iter();
        values.0 = bound.map(|value| dialect.bindable(value)).collect();
    }
    statement
}

/// The value of an image as the driver takes it without loss, to be compared with the column.
///
/// # Errors
/// If the image is not one of this column, or the database has no such value.
pub fn operand<E: EntityTrait>(
    column: E::Column,
    json: &Json,
    backend: DbBackend,
) -> Result<Value, ImageError> {
    let value = image::value_of::<E>(column, json)?;
    check(column.as_str(), &value, backend).map_err(|_| ImageError::not_held(&json.to_string()))?;
    Ok(bindable(value, backend))
}

/// Refuses a value that the driver would lose, take for another, or panic on.
///
/// # Errors
/// [`ValueRefusal::OutOfRange`], [`ValueRefusal::IntegerTooLarge`], [`ValueRefusal::UnsupportedHere`].
pub fn check(column: &str, value: &Value, backend: DbBackend) -> Result<(), ValueRefusal> {
    let dialect = database::on(backend);
    let facts = dialect.facts();
    match value {
        Value::BigUnsigned(Some(number))
            if !facts.takes_unsigned && i64::try_from(*number).is_err() =>
        {
            Err(ValueRefusal::IntegerTooLarge {
                column: column.to_owned(),
                value: *number,
            })
        }
        Value::Array(..) | Value::IpNetwork(_) | Value::MacAddress(_) if !facts.takes_arrays => {
            Err(ValueRefusal::UnsupportedHere {
                column: column.to_owned(),
                database: backend.as_str(),
            })
        }
        Value::Array(_, Some(items)) => items
            .iter()
            .try_for_each(|item| check(column, item, backend)),
        value if value.is_some() && !dialect.holds(value) => Err(ValueRefusal::OutOfRange {
            column: column.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bigdecimal::BigDecimal;
    use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
    use rust_decimal::Decimal;
    use sea_orm::prelude::{ChronoDateTimeUtc, TimeDateTimeWithTimeZone, Uuid};
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
