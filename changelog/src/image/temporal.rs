//! Dates and times as text.
//!
//! Written are `YYYY-MM-DD`, `HH:MM:SS.ffffff` and both joined by `T`, with `Z` where there is a zone: always
//! with six fractional digits, finer ones cut off. The same forms and RFC 3339 are read. This module knows no
//! calendar: whether a day exists is checked by the crate that takes it.

use serde_json::Value as Json;

use super::ImageError;
use super::form::Form;
use super::text::string;

mod cursor;
pub(super) mod with_chrono;
pub(super) mod with_time;

use cursor::Cursor;

const DATE: &str = "a date YYYY-MM-DD";
const TIME: &str = "a time HH:MM:SS[.f]";
const DATE_TIME: &str = "a date and time YYYY-MM-DDTHH:MM:SS[.f]";
const ZONED: &str = "a date and time with offset (Z or +HH:MM)";

/// The length of a zoned time in this era.
const LENGTH: usize = "YYYY-MM-DDTHH:MM:SS.ffffffZ".len();

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// The astronomical year: 0 is 1 BC, -1 is 2 BC.
    year: i32,
    month: u32,
    day: u32,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    hour: u32,
    minute: u32,
    /// 60 in a leap second.
    second: u32,
    nanosecond: u32,
}

/// A day and a time of day, at the offset's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ZonedTime {
    day: Day,
    clock: Clock,
    /// Minutes east of UTC; `None` if the text had no zone.
    offset: Option<i32>,
}

/// Appends the number's last `count` digits. With `format!` the two times of a row took two fifths of the
/// time for its image.
fn push_digits(text: &mut String, number: u32, count: u32) {
    for place in (0..count).rev() {
        text.extend(char::from_digit(number / 10_u32.pow(place) % 10, 10));
    }
}

/// A text that the closure writes.
fn written(write: impl FnOnce(&mut String)) -> Json {
    let mut text = String::with_capacity(LENGTH);
    write(&mut text);
    text.into()
}

impl Day {
    fn write(self, text: &mut String) {
        // ISO 8601 has four digits, or a sign and at least four.
        match u32::try_from(self.year) {
            Ok(year @ 0..=9999) => push_digits(text, year, 4),
            _ => text.push_str(&format!("{:+05}", self.year)),
        }
        text.push('-');
        push_digits(text, self.month, 2);
        text.push('-');
        push_digits(text, self.day, 2);
    }

    fn read(cursor: &mut Cursor) -> Option<Self> {
        let year = cursor.year()?;
        let month = cursor.after(b'-')?.two_digits()?;
        let day = cursor.after(b'-')?.two_digits()?;
        Some(Self { year, month, day })
    }
}

impl Clock {
    fn write(self, text: &mut String) {
        push_digits(text, self.hour, 2);
        text.push(':');
        push_digits(text, self.minute, 2);
        text.push(':');
        push_digits(text, self.second, 2);
        text.push('.');
        push_digits(text, self.nanosecond / 1_000, 6);
    }

    fn read(cursor: &mut Cursor) -> Option<Self> {
        Some(Self {
            hour: cursor.two_digits()?,
            minute: cursor.after(b':')?.two_digits()?,
            second: cursor.after(b':')?.two_digits()?,
            nanosecond: match cursor.after(b'.') {
                Some(cursor) => cursor.nanoseconds()?,
                None => 0,
            },
        })
    }
}

impl ZonedTime {
    fn read(cursor: &mut Cursor) -> Option<Self> {
        let day = Day::read(cursor)?;
        cursor.one_of(b"Tt ")?;
        let clock = Clock::read(cursor)?;
        let offset = if cursor.at_end() {
            None
        } else {
            Some(cursor.offset()?)
        };
        Some(Self { day, clock, offset })
    }
}

/// The image of a day.
pub(super) fn encode_day(form: Form, day: Day) -> Result<Json, ImageError> {
    match form {
        Form::Date | Form::Text | Form::Natural => Ok(written(|text| day.write(text))),
        _ => Err(form.refuses("a date")),
    }
}

/// The image of a time of day.
pub(super) fn encode_clock(form: Form, clock: Clock) -> Result<Json, ImageError> {
    match form {
        Form::Time | Form::Text | Form::Natural => Ok(written(|text| clock.write(text))),
        _ => Err(form.refuses("a time")),
    }
}

/// The image of a day and time, with `Z` if the column or, as its offset shows, the value has a zone. The
/// moment must be in UTC then.
pub(super) fn encode_moment(form: Form, moment: ZonedTime) -> Result<Json, ImageError> {
    let zoned = moment.offset.is_some();
    let zone = match form {
        Form::ZonedDateTime => "Z",
        Form::DateTime | Form::Text | Form::Natural if zoned => "Z",
        Form::DateTime | Form::Text | Form::Natural => "",
        _ => return Err(form.refuses("a date and time")),
    };
    Ok(written(|text| {
        moment.day.write(text);
        text.push('T');
        moment.clock.write(text);
        text.push_str(zone);
    }))
}

fn decode_day(form: Form, json: &Json) -> Result<Day, ImageError> {
    match form {
        Form::Date | Form::Text | Form::Natural => read(DATE, json, Day::read),
        _ => Err(form.refuses("a date")),
    }
}

fn decode_clock(form: Form, json: &Json) -> Result<Clock, ImageError> {
    match form {
        Form::Time | Form::Text | Form::Natural => read(TIME, json, Clock::read),
        _ => Err(form.refuses("a time")),
    }
}

/// Reads values without a zone. An offset may be given: a naive value in a zoned column is UTC.
fn decode_moment(form: Form, json: &Json) -> Result<ZonedTime, ImageError> {
    match form {
        Form::DateTime | Form::ZonedDateTime | Form::Text | Form::Natural => {
            read(DATE_TIME, json, ZonedTime::read)
        }
        _ => Err(form.refuses("a date and time")),
    }
}

/// Reads values with a zone. Without an offset the instant would be a guess.
fn decode_zoned(form: Form, json: &Json) -> Result<ZonedTime, ImageError> {
    let moment = decode_moment(form, json)?;
    match moment.offset {
        Some(_) => Ok(moment),
        None => Err(ImageError::malformed(
            ZONED,
            json.as_str().unwrap_or_default(),
        )),
    }
}

fn read<T>(
    expected: &'static str,
    json: &Json,
    read: impl Fn(&mut Cursor) -> Option<T>,
) -> Result<T, ImageError> {
    let text = string(expected, json)?;
    let mut cursor = Cursor::new(text);
    read(&mut cursor)
        .filter(|_| cursor.at_end())
        .ok_or_else(|| ImageError::malformed(expected, text))
}
