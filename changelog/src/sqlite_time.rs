//! Moments in SQLite, where a time is a text that each program writes in its own way.
//!
//! SeaORM writes `2026-11-30T12:00:00.123456+00:00`, `datetime('now')` writes `2026-11-30 12:00:00`, a
//! browser `2026-11-30T12:00:00.123Z`, and other programs an offset. As texts they neither sort nor compare.
//! Here each of them has a *key*: a text that all spellings of one moment share, and whose order is that of
//! the moments. SQL makes the key of a column by an expression, and Rust makes the same key of a text; the
//! suite compares the two on random texts.
//!
//! The key of what SeaORM writes is the text itself. A key counts microseconds, as images do: finer digits
//! are cut off. A text that is not a moment has no key: in SQL it is null, and compares as unknown.
//!
//! This module knows texts and the Rust types of their columns, but no filters.

mod index;
mod sql;
mod text;

pub use index::create_time_index;

use chrono::{Days, NaiveDate};
use sea_orm::sea_query::ArrayType;

use crate::database::{Dialect, Sqlite};

/// How SeaORM reads the times of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    kind: TimeKind,
    numbers: Numbers,
}

/// The kind of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeKind {
    /// A moment. A text without a zone is in UTC.
    Zoned,
    /// A day and a time of day, whatever the zone: SeaORM ignores an offset in the text.
    Plain,
    /// A day.
    Day,
    /// A time of day.
    Clock,
}

/// Which numbers SeaORM reads as times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// No numbers.
    Neither,
    /// Integers, as seconds since 1970.
    Seconds,
    /// Integers, as seconds since 1970, and fractions, as Julian days.
    SecondsAndDays,
}

/// Sorts below the texts that begin with a digit, and above those that begin with a sign: years before 0 and
/// after
/// 9999. Numbers are below every text.
pub const BELOW_DIGITS: &str = "/";

impl Times {
    /// How a column of this type is read; `None` if its values are not times.
    #[must_use]
    pub fn of(rust: &ArrayType) -> Option<Self> {
        use ArrayType as T;
        use Numbers::{Neither, Seconds, SecondsAndDays};
        let (kind, numbers) = match rust {
            T::ChronoDateTimeUtc | T::ChronoDateTimeLocal | T::ChronoDateTimeWithTimeZone => {
                (TimeKind::Zoned, SecondsAndDays)
            }
            T::TimeDateTimeWithTimeZone => (TimeKind::Zoned, Seconds),
            T::ChronoDateTime => (TimeKind::Plain, SecondsAndDays),
            T::TimeDateTime => (TimeKind::Plain, Seconds),
            T::ChronoDate | T::TimeDate => (TimeKind::Day, Neither),
            T::ChronoTime | T::TimeTime => (TimeKind::Clock, Neither),
            _ => return None,
        };
        Some(Self { kind, numbers })
    }

    /// The SQL expression of a value's key, where `column` is the column's quoted name. Nothing in it depends
    /// on when it runs, so it can be indexed.
    #[must_use]
    pub fn key(self, column: &str) -> String {
        sql::key(self, column)
    }

    /// The same as [`key`](Self::key), for a column of a table.
    #[must_use]
    pub fn key_in(self, table: &str, column: &str) -> String {
        let quoted = |text: &str| Sqlite.quote(text);
        self.key(&format!("{}.{}", quoted(table), quoted(column)))
    }

    /// The SQL expression of a text's form: the separator between day and time of day, and the zone. Texts of
    /// one form are in the order of their moments, except for fractions before a `Z`.
    pub(crate) fn form(self, column: &str) -> String {
        sql::form(self.kind, column)
    }

    /// The key that the SQL expression gives for a stored text.
    #[must_use]
    pub fn key_of(self, text: &str) -> Option<String> {
        text::Parts::stored(self.kind, text)?.key(self.kind)
    }

    /// The key of the moment in an image.
    #[must_use]
    pub fn key_of_image(self, text: &str) -> Option<String> {
        text::Parts::read(self.kind, text)?.key(self.kind)
    }

    /// The text of a stored moment in the form of images; `None` if the text is not a moment.
    pub(crate) fn image_text(self, text: &str) -> Option<String> {
        text::Parts::read(self.kind, text)?.image_text(self.kind)
    }

    /// The same as [`image_text`](Self::image_text), for a stored integer.
    pub(crate) fn image_of_seconds(self, seconds: i64) -> Option<String> {
        let is_read = self.numbers != Numbers::Neither;
        is_read.then(|| text::Parts::at(seconds, 0)?.image_text(self.kind))?
    }

    /// The same as [`image_text`](Self::image_text), for a stored fraction, which is a Julian day.
    pub(crate) fn image_of_days(self, days: f64) -> Option<String> {
        let is_read = self.numbers == Numbers::SecondsAndDays;
        is_read.then(|| text::Parts::on(days)?.image_text(self.kind))?
    }

    /// Two texts between which every spelling of a moment with this key lies, the first included, except for
    /// those below [`BELOW_DIGITS`]. `None` if there are no such texts: in the first year, and from 9999 on.
    #[must_use]
    pub fn around(self, key: &str) -> Option<(String, String)> {
        if self.kind == TimeKind::Clock {
            let minute = key.get(..5)?;
            return Some((minute.to_owned(), format!("{minute}~")));
        }
        let day = NaiveDate::parse_from_str(key.get(..10)?, "%Y-%m-%d").ok()?;
        let is_plain = ("0001".."9999").contains(&key.get(..4)?);
        // An offset is less than a day in either direction.
        let offset = u64::from(self.kind == TimeKind::Zoned);
        let first = day.checked_sub_days(Days::new(offset))?;
        let end = day.checked_add_days(Days::new(offset + 1))?;
        is_plain.then(|| (first.to_string(), end.to_string()))
    }
}
