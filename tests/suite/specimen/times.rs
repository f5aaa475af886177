//! Dates and times at their extremes, in the types of both crates.

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::Value;
use sea_orm::prelude::{ChronoUnixTimestamp, ChronoUnixTimestampMillis};
use sea_orm::sea_query::prelude::time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::sample::Sample;

/// Four-digit years, first and last first.
const DATES: [&str; 5] = [
    "0001-01-01",
    "9999-12-31",
    "1000-01-01",
    "2024-02-29",
    "1970-01-01",
];

const TIMES: [&str; 5] = [
    "00:00:00.000000",
    "23:59:59.999999",
    "00:00:00.000001",
    "12:34:56.500000",
    "12:00:00.000000",
];

/// Moments of four-digit years.
const MOMENTS: [&str; 6] = [
    "0001-01-01T00:00:00.000000",
    "9999-12-31T23:59:59.999999",
    "1969-12-31T23:59:59.999999",
    "2024-02-29T12:34:56.500000",
    "2016-12-31T23:59:59.000001",
    "1970-01-01T00:00:00.000000",
];

/// What MariaDB's `timestamp` holds.
const RECENT: [&str; 4] = [
    "1970-01-01T00:00:01.000000",
    "2038-01-19T03:14:07.999999",
    "2024-02-29T12:34:56.500000",
    "2001-09-09T01:46:40.000001",
];

fn samples(texts: &[&str], read: impl Fn(&str) -> Value) -> Vec<Sample> {
    texts
        .iter()
        .map(|text| Sample::new(read(text), *text))
        .collect()
}

fn zoned(texts: &[&str], read: impl Fn(NaiveDateTime) -> Value) -> Vec<Sample> {
    let sample = |text: &&str| Sample::new(read(naive(text)), format!("{text}Z"));
    texts.iter().map(sample).collect()
}

fn naive(text: &str) -> NaiveDateTime {
    text.parse().expect("a date and time")
}

/// `NaiveDate`
pub fn dates() -> Vec<Sample> {
    samples(&DATES, |text| {
        text.parse::<NaiveDate>().expect("a date").into()
    })
}

/// Dates, and moments, of other years than four digits write: chrono's and PostgreSQL's limits.
pub fn far_dates() -> Vec<Sample> {
    let texts = [
        "+262142-12-31",
        "+10000-01-01",
        "-0044-03-15",
        "-4713-11-24",
        "0000-02-29",
    ];
    samples(&texts, |text| date_of(text).into())
}

/// As [`far_dates`].
pub fn far_date_times() -> Vec<Sample> {
    samples(&FAR, |text| far(text).into())
}

/// As [`far_dates`].
pub fn far_utc() -> Vec<Sample> {
    let sample = |text: &&str| Sample::new(far(text).and_utc(), format!("{text}Z"));
    FAR.iter().map(sample).collect()
}

const FAR: [&str; 4] = [
    "+262142-12-31T23:59:59.999999",
    "+10000-01-01T00:00:00.000000",
    "-0044-03-15T12:00:00.000001",
    "-4713-11-24T00:00:00.000000",
];

/// chrono's own reader takes such years by format only.
fn far(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").expect("a date and time")
}

fn date_of(text: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").expect("a date")
}

/// `NaiveTime`
pub fn times() -> Vec<Sample> {
    samples(&TIMES, |text| {
        text.parse::<NaiveTime>().expect("a time").into()
    })
}

/// `NaiveDateTime`
pub fn date_times() -> Vec<Sample> {
    samples(&MOMENTS, |text| naive(text).into())
}

/// `DateTime<Utc>`
pub fn utc() -> Vec<Sample> {
    zoned(&MOMENTS, |moment| moment.and_utc().into())
}

/// `DateTime<Utc>` within 32 bits of seconds.
pub fn recent_utc() -> Vec<Sample> {
    zoned(&RECENT, |moment| moment.and_utc().into())
}

/// `DateTime<Local>`
pub fn local() -> Vec<Sample> {
    zoned(&MOMENTS, |moment| {
        moment.and_utc().with_timezone(&Local).into()
    })
}

/// `DateTime<FixedOffset>`, in UTC and elsewhere.
pub fn fixed() -> Vec<Sample> {
    let mut samples = zoned(&MOMENTS, |moment| moment.and_utc().fixed_offset().into());
    for (text, utc) in [
        (
            "2024-02-29T23:59:59.999999+14:00",
            "2024-02-29T09:59:59.999999Z",
        ),
        (
            "2024-02-29T00:00:00.000001-12:00",
            "2024-02-29T12:00:00.000001Z",
        ),
    ] {
        let moment: DateTime<FixedOffset> = text.parse().expect("a date and time");
        samples.push(Sample::new(moment, utc));
    }
    samples
}

fn time_date(text: &str) -> Date {
    let (year, ordinal) = {
        use chrono::Datelike;
        let date: NaiveDate = text.parse().expect("a date");
        (
            date.year(),
            u16::try_from(date.ordinal()).expect("at most 366"),
        )
    };
    Date::from_ordinal_date(year, ordinal).expect("a date")
}

fn time_time(text: &str) -> Time {
    use chrono::Timelike;
    let time: NaiveTime = text.parse().expect("a time");
    let part = |part: u32| u8::try_from(part).expect("at most 59");
    let micro = time.nanosecond() / 1_000;
    Time::from_hms_micro(
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
        micro,
    )
    .expect("a time")
}

fn time_moment(text: &str) -> PrimitiveDateTime {
    let (date, time) = text.split_once('T').expect("a date and time");
    PrimitiveDateTime::new(time_date(date), time_time(time))
}

/// `time::Date`
pub fn time_dates() -> Vec<Sample> {
    samples(&DATES, |text| time_date(text).into())
}

/// `time::Time`
pub fn time_times() -> Vec<Sample> {
    samples(&TIMES, |text| time_time(text).into())
}

/// `time::PrimitiveDateTime`
pub fn time_date_times() -> Vec<Sample> {
    samples(&MOMENTS, |text| time_moment(text).into())
}

/// `time::OffsetDateTime`, in UTC and elsewhere.
pub fn time_zoned() -> Vec<Sample> {
    let moments = MOMENTS.iter();
    let mut samples: Vec<Sample> = moments
        .map(|text| Sample::new(time_moment(text).assume_utc(), format!("{text}Z")))
        .collect();
    let offset = UtcOffset::from_hms(-9, -30, 0).expect("an offset");
    let moment: OffsetDateTime = time_moment("2024-02-29T12:34:56.500000").assume_offset(offset);
    samples.push(Sample::new(moment, "2024-02-29T22:04:56.500000Z"));
    samples
}

fn unix<T: Into<Value>>(texts: &[&str], read: impl Fn(DateTime<Utc>) -> T) -> Vec<Sample> {
    let sample = |text: &&str| {
        let value = read(naive(text).and_utc()).into();
        let Value::BigInt(Some(number)) = value else {
            panic!("no 64-bit number: {value:?}");
        };
        Sample::new(value, number.to_string())
    };
    texts.iter().map(sample).collect()
}

/// Seconds since 1970.
pub fn seconds() -> Vec<Sample> {
    unix(
        &[
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59",
            "1969-12-31T23:59:59",
        ],
        ChronoUnixTimestamp,
    )
}

/// Milliseconds since 1970.
pub fn millis() -> Vec<Sample> {
    unix(
        &["0001-01-01T00:00:00.001", "9999-12-31T23:59:59.999"],
        ChronoUnixTimestampMillis,
    )
}
