//! Conversions to and from the types of the `time` crate.
//!
//! Leap seconds and, unless the crate's `large-dates` is on, years beyond ±9999 are not supported. This
//! module knows no texts.

use sea_orm::prelude::{TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime};
use serde_json::Value as Json;
use time::{Duration, Month, UtcOffset};

use super::{Clock, Day, Form, ImageError, ZonedTime};

impl From<TimeDate> for Day {
    fn from(date: TimeDate) -> Self {
        Self {
            year: date.year(),
            month: u8::from(date.month()).into(),
            day: date.day().into(),
        }
    }
}

impl From<TimeTime> for Clock {
    fn from(time: TimeTime) -> Self {
        Self {
            hour: time.hour().into(),
            minute: time.minute().into(),
            second: time.second().into(),
            nanosecond: time.nanosecond(),
        }
    }
}

impl From<TimeDateTime> for ZonedTime {
    fn from(value: TimeDateTime) -> Self {
        Self {
            day: value.date().into(),
            clock: value.time().into(),
            offset: None,
        }
    }
}

impl Day {
    fn time(self) -> Option<TimeDate> {
        let month = Month::try_from(u8::try_from(self.month).ok()?).ok()?;
        let day = u8::try_from(self.day).ok()?;
        TimeDate::from_calendar_date(self.year, month, day).ok()
    }
}

impl Clock {
    fn time(self) -> Option<TimeTime> {
        let part = |value: u32| u8::try_from(value).ok();
        let (hour, minute, second) = (part(self.hour)?, part(self.minute)?, part(self.second)?);
        TimeTime::from_hms_nano(hour, minute, second, self.nanosecond).ok()
    }
}

impl ZonedTime {
    fn time(self) -> Option<TimeDateTime> {
        let local = TimeDateTime::new(self.day.time()?, self.clock.time()?);
        local.checked_sub(Duration::minutes(self.offset.unwrap_or(0).into()))
    }
}

/// The image of a zoned value. It is in UTC, so for the first and last hours that the crate can hold the year
/// may be one that it cannot hold.
pub(in crate::image) fn encode_zoned(
    form: Form,
    value: TimeDateTimeWithTimeZone,
) -> Result<Json, ImageError> {
    let utc = value
        .checked_to_offset(UtcOffset::UTC)
        .ok_or_else(|| ImageError::out_of_range::<TimeDateTimeWithTimeZone>(&value.to_string()))?;
    let moment = ZonedTime {
        day: utc.date().into(),
        clock: utc.time().into(),
        offset: Some(0),
    };
    super::encode_moment(form, moment)
}

fn fit<T>(value: Option<T>, json: &Json) -> Result<T, ImageError> {
    value.ok_or_else(|| ImageError::out_of_range::<T>(json.as_str().unwrap_or_default()))
}

pub(in crate::image) fn date(form: Form, json: &Json) -> Result<TimeDate, ImageError> {
    fit(super::decode_day(form, json)?.time(), json)
}

pub(in crate::image) fn time(form: Form, json: &Json) -> Result<TimeTime, ImageError> {
    fit(super::decode_clock(form, json)?.time(), json)
}

pub(in crate::image) fn naive(form: Form, json: &Json) -> Result<TimeDateTime, ImageError> {
    fit(super::decode_moment(form, json)?.time(), json)
}

pub(in crate::image) fn zoned(
    form: Form,
    json: &Json,
) -> Result<TimeDateTimeWithTimeZone, ImageError> {
    let utc = super::decode_zoned(form, json)?.time();
    fit(utc.map(TimeDateTime::assume_utc), json)
}

/// The nanoseconds cut to microseconds.
fn whole_micros(nanosecond: u32) -> u32 {
    nanosecond - nanosecond % 1_000
}

/// The time cut to microseconds.
pub(in crate::image) fn cut_time(time: TimeTime) -> TimeTime {
    let cut = time.replace_nanosecond(whole_micros(time.nanosecond()));
    cut.unwrap_or(time)
}

/// The same as [`cut_time`].
pub(in crate::image) fn cut_naive(value: TimeDateTime) -> TimeDateTime {
    value.replace_time(cut_time(value.time()))
}

/// The same as [`cut_time`], and in UTC except for the first and last hours that the crate can hold.
pub(in crate::image) fn cut_in_utc(value: TimeDateTimeWithTimeZone) -> TimeDateTimeWithTimeZone {
    let cut = value.replace_time(cut_time(value.time()));
    cut.checked_to_offset(UtcOffset::UTC).unwrap_or(cut)
}
