//! Conversions to and from the types of the `chrono` crate.
//!
//! Zoned values are converted to UTC by their stored instant, which no clock change makes ambiguous. Leap
//! seconds are preserved. This module knows no texts.

use chrono::{
    DateTime, Datelike, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    Timelike, Utc,
};
use serde_json::Value as Json;

use super::{Clock, Day, Form, ImageError, ZonedTime};

const SECOND: u32 = 1_000_000_000;

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
            day: date.day(),
        }
    }
}

impl From<NaiveTime> for Clock {
    fn from(time: NaiveTime) -> Self {
        // Chrono keeps a leap second as the second before it, with more than 10^9 nanoseconds.
        Self {
            hour: time.hour(),
            minute: time.minute(),
            second: time.second() + time.nanosecond() / SECOND,
            nanosecond: time.nanosecond() % SECOND,
        }
    }
}

impl From<NaiveDateTime> for ZonedTime {
    fn from(value: NaiveDateTime) -> Self {
        Self {
            day: value.date().into(),
            clock: value.time().into(),
            offset: None,
        }
    }
}

impl<Z: chrono::TimeZone> From<&DateTime<Z>> for ZonedTime {
    fn from(value: &DateTime<Z>) -> Self {
        Self {
            offset: Some(0),
            ..value.naive_utc().into()
        }
    }
}

impl Day {
    fn chrono(self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, self.month, self.day)
    }
}

impl Clock {
    fn chrono(self) -> Option<NaiveTime> {
        let (second, nano) = match self.second {
            60 => (59, self.nanosecond + SECOND),
            second => (second, self.nanosecond),
        };
        NaiveTime::from_hms_nano_opt(self.hour, self.minute, second, nano)
    }
}

impl ZonedTime {
    fn chrono(self) -> Option<NaiveDateTime> {
        let local = self.day.chrono()?.and_time(self.clock.chrono()?);
        let offset = FixedOffset::east_opt(self.offset.unwrap_or(0) * 60)?;
        local.checked_sub_offset(offset)
    }
}

fn fit<T>(value: Option<T>, json: &Json) -> Result<T, ImageError> {
    value.ok_or_else(|| ImageError::out_of_range::<T>(json.as_str().unwrap_or_default()))
}

pub(in crate::image) fn date(form: Form, json: &Json) -> Result<NaiveDate, ImageError> {
    fit(super::decode_day(form, json)?.chrono(), json)
}

pub(in crate::image) fn time(form: Form, json: &Json) -> Result<NaiveTime, ImageError> {
    fit(super::decode_clock(form, json)?.chrono(), json)
}

pub(in crate::image) fn naive(form: Form, json: &Json) -> Result<NaiveDateTime, ImageError> {
    fit(super::decode_moment(form, json)?.chrono(), json)
}

pub(in crate::image) fn utc(form: Form, json: &Json) -> Result<DateTime<Utc>, ImageError> {
    let utc = super::decode_zoned(form, json)?.chrono();
    fit(utc.map(|utc| utc.and_utc()), json)
}

pub(in crate::image) fn fixed(
    form: Form,
    json: &Json,
) -> Result<DateTime<FixedOffset>, ImageError> {
    utc(form, json).map(|utc| utc.fixed_offset())
}

pub(in crate::image) fn local(form: Form, json: &Json) -> Result<DateTime<Local>, ImageError> {
    utc(form, json).map(|utc| utc.with_timezone(&Local))
}

/// The part of these nanoseconds that is finer than microseconds.
fn excess(nanosecond: u32) -> TimeDelta {
    TimeDelta::nanoseconds(i64::from(nanosecond % 1_000))
}

/// The time cut to microseconds.
pub(in crate::image) fn cut_time(time: NaiveTime) -> NaiveTime {
    time.overflowing_sub_signed(excess(time.nanosecond())).0
}

/// The same as [`cut_time`].
pub(in crate::image) fn cut_naive(value: NaiveDateTime) -> NaiveDateTime {
    value.date().and_time(cut_time(value.time()))
}

/// The same as [`cut_time`]. It subtracts, because a local time may exist twice.
pub(in crate::image) fn cut<Z: chrono::TimeZone>(value: DateTime<Z>) -> DateTime<Z> {
    let excess = excess(value.naive_utc().nanosecond());
    value.clone().checked_sub_signed(excess).unwrap_or(value)
}
