//! Dates and times as text.
//!
//! Writes `YYYY-MM-DD`, `HH:MM:SS.ffffff` and both joined by `T`, with `Z` where there is a zone:
//! always six fractional digits, finer ones cut off. Reads those and RFC 3339. Knows no calendar:
//! whether a day exists is for the crate that takes it.

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

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// Astronomical: 0 is 1 BC, -1 is 2 BC.
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

/// A day and a time of day, there where the offset says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    day: Day,
    clock: Clock,
    /// Minutes east of UTC; `None` if the text had no zone.
    offset: Option<i32>,
}

impl Day {
    fn text(self) -> String {
        let Self { year, month, day } = self;
        // ISO 8601: four digits, or a sign and at least four.
        match year {
            0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
            _ => format!("{year:+05}-{month:02}-{day:02}"),
        }
    }

    fn read(cursor: &mut Cursor) -> Option<Self> {
        let year = cursor.year()?;
        let month = cursor.after(b'-')?.two_digits()?;
        let day = cursor.after(b'-')?.two_digits()?;
        Some(Self { year, month, day })
    }
}

impl Clock {
    fn text(self) -> String {
        let micros = self.nanosecond / 1_000;
        format!(
            "{:02}:{:02}:{:02}.{micros:06}",
            self.hour, self.minute, self.second
        )
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

impl Moment {
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
        Form::Date | Form::Text | Form::Natural => Ok(day.text().into()),
        _ => Err(form.refuses("a date")),
    }
}

/// The image of a time of day.
pub(super) fn encode_clock(form: Form, clock: Clock) -> Result<Json, ImageError> {
    match form {
        Form::Time | Form::Text | Form::Natural => Ok(clock.text().into()),
        _ => Err(form.refuses("a time")),
    }
}

/// The image of a day and time, `Z` if the column or (as the offset tells) the value has a zone.
/// The moment must be in UTC then.
pub(super) fn encode_moment(form: Form, moment: Moment) -> Result<Json, ImageError> {
    let zoned = moment.offset.is_some();
    let zone = match form {
        Form::ZonedDateTime => "Z",
        Form::DateTime | Form::Text | Form::Natural if zoned => "Z",
        Form::DateTime | Form::Text | Form::Natural => "",
        _ => return Err(form.refuses("a date and time")),
    };
    Ok(format!("{}T{}{zone}", moment.day.text(), moment.clock.text()).into())
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

/// For values without a zone. An offset may be given: a naive value in a zoned column is UTC.
fn decode_moment(form: Form, json: &Json) -> Result<Moment, ImageError> {
    match form {
        Form::DateTime | Form::ZonedDateTime | Form::Text | Form::Natural => {
            read(DATE_TIME, json, Moment::read)
        }
        _ => Err(form.refuses("a date and time")),
    }
}

/// For values with a zone. Without an offset it would be a guess when that was.
fn decode_zoned(form: Form, json: &Json) -> Result<Moment, ImageError> {
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
