//! Dates, times and both crates that provide them.

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use sea_orm::ColumnType as C;
use sea_orm::sea_query::Value;
use serde_json::json;
use time::macros::{date, datetime, time};

use super::{check, equal, reads};
use crate::image::{canonical, encode};

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn clock(hour: u32, minute: u32, second: u32, nano: u32) -> NaiveTime {
    NaiveTime::from_hms_nano_opt(hour, minute, second, nano).unwrap()
}

fn moment() -> NaiveDateTime {
    day(2024, 2, 29).and_time(clock(23, 59, 59, 123_456_000))
}

fn east(hours: i32) -> FixedOffset {
    FixedOffset::east_opt(hours * 3600).unwrap()
}

#[test]
fn dates() {
    for (value, image) in [
        (day(2024, 2, 29), "2024-02-29"),
        (day(1, 1, 1), "0001-01-01"),
        (day(0, 12, 31), "0000-12-31"),
        (day(9999, 12, 31), "9999-12-31"),
        (day(10000, 1, 1), "+10000-01-01"),
        (day(-1, 1, 1), "-0001-01-01"),
        (NaiveDate::MIN, "-262143-01-01"),
        (NaiveDate::MAX, "+262142-12-31"),
    ] {
        check(C::Date, value, json!(image));
    }
    check(C::Date, date!(2024 - 02 - 29), json!("2024-02-29"));
    check(C::Date, date!(0000 - 01 - 01), json!("0000-01-01"));
    check(C::Date, time::Date::MIN, json!("-9999-01-01"));
    check(C::Date, time::Date::MAX, json!("9999-12-31"));
    check(C::Text, day(2024, 2, 29), json!("2024-02-29"));
    check(C::custom("date"), day(2024, 2, 29), json!("2024-02-29"));
}

#[test]
fn times_of_day() {
    check(C::Time, clock(0, 0, 0, 0), json!("00:00:00.000000"));
    check(
        C::Time,
        clock(23, 59, 59, 999_999_000),
        json!("23:59:59.999999"),
    );
    check(C::Time, clock(1, 2, 3, 1_000), json!("01:02:03.000001"));
    // A leap second, where the crate supports them.
    check(
        C::Time,
        clock(23, 59, 59, 1_500_000_000),
        json!("23:59:60.500000"),
    );
    check(C::Time, time!(00:00:00), json!("00:00:00.000000"));
    check(C::Time, time!(23:59:59.999_999), json!("23:59:59.999999"));
    reads(C::Time, json!("01:02:03"), clock(1, 2, 3, 0));
    reads(C::Time, json!("01:02:03.5"), clock(1, 2, 3, 500_000_000));
    reads(
        C::Time,
        json!("01:02:03.123456789"),
        clock(1, 2, 3, 123_456_789),
    );
}

#[test]
fn moments_without_zone() {
    let image = json!("2024-02-29T23:59:59.123456");
    check(C::DateTime, moment(), image.clone());
    check(C::Timestamp, moment(), image.clone());
    check(C::Timestamp, datetime!(2024-02-29 23:59:59.123_456), image);
    check(
        C::DateTime,
        NaiveDateTime::MIN,
        json!("-262143-01-01T00:00:00.000000"),
    );
    let whole = moment().date().and_time(clock(12, 0, 0, 0));
    reads(C::DateTime, json!("2024-02-29T12:00:00"), whole);
    reads(C::DateTime, json!("2024-02-29 12:00:00.0"), whole);
    // In a zoned column the value is in UTC.
    check(
        C::TimestampWithTimeZone,
        moment(),
        json!("2024-02-29T23:59:59.123456Z"),
    );
    reads(C::DateTime, json!("2024-02-29T14:00:00+02:00"), whole);
    reads(
        C::DateTime,
        json!("2024-02-29T12:00:00Z"),
        datetime!(2024-02-29 12:00),
    );
}

#[test]
fn moments_with_zone_are_utc() {
    let image = json!("2024-02-29T23:59:59.123456Z");
    let utc: DateTime<Utc> = moment().and_utc();
    for column in [C::TimestampWithTimeZone, C::Timestamp, C::DateTime, C::Text] {
        check(column.clone(), utc, image.clone());
        check(column.clone(), utc.with_timezone(&Local), image.clone());
        check(column.clone(), utc.with_timezone(&east(9)), image.clone());
        check(
            column,
            datetime!(2024-03-01 08:59:59.123_456 +9),
            image.clone(),
        );
    }
    for text in [
        "2024-02-29T23:59:59.123456Z",
        "2024-02-29t23:59:59.123456z",
        "2024-02-29 23:59:59.123456+00:00",
        "2024-03-01T08:59:59.123456+09:00",
        "2024-02-29T20:29:59.123456-03:30",
    ] {
        reads(C::TimestampWithTimeZone, json!(text), utc);
        reads(
            C::TimestampWithTimeZone,
            json!(text),
            utc.with_timezone(&Local),
        );
        reads(C::TimestampWithTimeZone, json!(text), utc.fixed_offset());
        reads(
            C::TimestampWithTimeZone,
            json!(text),
            datetime!(2024-02-29 23:59:59.123_456 UTC),
        );
    }
}

#[test]
fn moments_at_the_ends_of_time() {
    let zoned = C::TimestampWithTimeZone;
    check(
        zoned.clone(),
        DateTime::<Utc>::MIN_UTC,
        json!("-262143-01-01T00:00:00.000000Z"),
    );
    // In local time its year would not exist.
    let last = east(14).from_utc_datetime(&canonical_naive(NaiveDateTime::MAX));
    check(zoned.clone(), last, json!("+262142-12-31T23:59:59.999999Z"));
    check(
        zoned.clone(),
        datetime!(-9999-01-01 00:00 UTC),
        json!("-9999-01-01T00:00:00.000000Z"),
    );
    let leap = day(2016, 12, 31).and_time(clock(23, 59, 59, 1_000_000_000));
    check(
        zoned.clone(),
        leap.and_utc(),
        json!("2016-12-31T23:59:60.000000Z"),
    );
    let beyond = Value::from(datetime!(9999-12-31 23:59 -1));
    assert!(encode(&zoned, &beyond).is_err());
}

fn canonical_naive(value: NaiveDateTime) -> NaiveDateTime {
    match canonical(&C::DateTime, value.into()) {
        Value::ChronoDateTime(Some(cut)) => cut,
        other => panic!("{other:?}"),
    }
}

#[test]
fn finer_digits_are_cut_off() {
    let fine = day(1969, 12, 31).and_time(clock(23, 59, 59, 999_999_999));
    let cut = day(1969, 12, 31).and_time(clock(23, 59, 59, 999_999_000));
    let image = "1969-12-31T23:59:59.999999";
    let zoned = format!("{image}Z");
    let leap = (
        clock(23, 59, 59, 1_000_000_999),
        clock(23, 59, 59, 1_000_000_000),
    );
    let cases: Vec<(C, Value, Value, &str)> = vec![
        (
            C::Time,
            fine.time().into(),
            cut.time().into(),
            "23:59:59.999999",
        ),
        (C::Time, leap.0.into(), leap.1.into(), "23:59:60.000000"),
        (C::DateTime, fine.into(), cut.into(), image),
        (
            C::DateTime,
            fine.and_utc().into(),
            cut.and_utc().into(),
            &zoned,
        ),
        (
            C::TimestampWithTimeZone,
            fine.and_utc().with_timezone(&Local).into(),
            cut.and_utc().with_timezone(&Local).into(),
            &zoned,
        ),
        (
            C::TimestampWithTimeZone,
            fine.and_utc().with_timezone(&east(3)).into(),
            cut.and_utc().with_timezone(&east(3)).into(),
            &zoned,
        ),
        (
            C::Time,
            time!(23:59:59.999_999_999).into(),
            time!(23:59:59.999_999).into(),
            "23:59:59.999999",
        ),
        (
            C::DateTime,
            datetime!(1969-12-31 23:59:59.999_999_999).into(),
            datetime!(1969-12-31 23:59:59.999_999).into(),
            image,
        ),
        (
            C::TimestampWithTimeZone,
            datetime!(1969-12-31 23:59:59.999_999_999 UTC).into(),
            datetime!(1969-12-31 23:59:59.999_999 UTC).into(),
            &zoned,
        ),
    ];
    for (column, fine, cut, image) in cases {
        let found = canonical(&column, fine.clone());
        assert!(equal(&found, &cut), "{fine:?}: {found:?}");
        assert_eq!(encode(&column, &fine), Ok(json!(image)));
        check(column.clone(), cut.clone(), json!(image));
        let array = |value: Value| Value::Array(value.array_type(), Some(Box::new(vec![value])));
        let found = canonical(&C::Array(column.into()), array(fine));
        assert!(equal(&found, &array(cut)), "{found:?}");
    }
}
