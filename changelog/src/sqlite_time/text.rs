//! Reads a text as a time, and writes its key.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use super::TimeKind;

/// The range of years that have a key, which is larger than any crate's.
const YEARS: i32 = 1_000_000;

/// The content of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// Whether the year has a sign.
    is_signed: bool,
    day: NaiveDate,
    hour: u32,
    minute: u32,
    /// 60 in a leap second.
    second: u32,
    micros: u32,
    /// Minutes east of UTC.
    offset: i32,
}

impl Parts {
    /// Reads a text of the forms that SeaORM's drivers read.
    pub(super) fn read(kind: TimeKind, text: &str) -> Option<Self> {
        let mut rest = Unread(text.as_bytes());
        let (is_signed, day) = match kind {
            TimeKind::Clock => (false, NaiveDate::default()),
            _ => rest.day()?,
        };
        let mut parts = Self {
            is_signed,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            offset: 0,
        };
        match kind {
            TimeKind::Day => {}
            TimeKind::Clock => parts.read_clock(&mut rest)?,
            TimeKind::Zoned | TimeKind::Plain => {
                rest.one_of(b" Tt")?;
                parts.read_clock(&mut rest)?;
            }
        }
        rest.0.is_empty().then_some(parts)
    }

    /// The same as [`read`](Self::read), but accepts only what the SQL expression reads: a year with a sign
    /// must be as SeaORM writes it, and an offset must not lead to such a year.
    pub(super) fn stored(kind: TimeKind, text: &str) -> Option<Self> {
        let parts = Self::read(kind, text)?;
        let near_the_end = !(1..=9998).contains(&parts.day.year());
        let is_read = match kind {
            TimeKind::Clock => true,
            _ if parts.is_signed => parts.second < 60 && parts.written(kind) == text,
            TimeKind::Zoned => parts.offset == 0 || !near_the_end,
            TimeKind::Plain | TimeKind::Day => true,
        };
        is_read.then_some(parts)
    }

    /// The moment at these seconds after the start of 1970.
    pub(super) fn at(seconds: i64, micros: u32) -> Option<Self> {
        let moment = DateTime::from_timestamp(seconds, 0)?;
        Some(Self {
            is_signed: false,
            day: moment.date_naive(),
            hour: moment.hour(),
            minute: moment.minute(),
            second: moment.second(),
            micros,
            offset: 0,
        })
    }

    /// The moment of a Julian day, as SeaORM's driver counts: before 1970 it adds fractions of a second instead
    /// of subtracting them.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as the driver does"
    )]
    pub(super) fn on(day: f64) -> Option<Self> {
        let seconds = (day - 2_440_587.5) * 86_400.0;
        let nanos = (seconds.fract() * 1e9).abs() as u32;
        Self::at(seconds.trunc() as i64, nanos / 1_000).filter(|_| seconds.is_finite())
    }

    fn read_clock(&mut self, rest: &mut Unread<'_>) -> Option<()> {
        self.hour = rest.two_digits().filter(|hour| *hour < 24)?;
        rest.one_of(b":")?;
        self.minute = rest.two_digits().filter(|minute| *minute < 60)?;
        if rest.one_of(b":").is_some() {
            self.second = rest.two_digits().filter(|second| *second <= 60)?;
            if rest.one_of(b".").is_some() {
                self.micros = rest.micros()?;
            }
        }
        self.offset = rest.offset()?;
        Some(())
    }

    /// The text that SeaORM writes, but with a sign before the year.
    fn written(&self, kind: TimeKind) -> String {
        let day = format!(
            "{:+05}-{:02}-{:02}",
            self.day.year(),
            self.day.month(),
            self.day.day()
        );
        let clock = clock(self.hour, self.minute, self.second, self.micros);
        match kind {
            TimeKind::Zoned => format!("{day}T{clock}+00:00"),
            TimeKind::Plain => format!("{day} {clock}"),
            TimeKind::Day => day,
            TimeKind::Clock => clock,
        }
    }

    /// The day and the minute, in UTC if the kind has zones.
    fn minute(&self, kind: TimeKind) -> Option<NaiveDateTime> {
        let local = self.day.and_hms_opt(self.hour, self.minute, 0)?;
        match kind {
            TimeKind::Zoned => local.checked_sub_signed(TimeDelta::minutes(self.offset.into())),
            _ => Some(local),
        }
    }

    pub(super) fn key(&self, kind: TimeKind) -> Option<String> {
        let minute = self.minute(kind)?;
        let day = format!(
            "{}-{:02}-{:02}",
            year_key(minute.year()),
            minute.month(),
            minute.day()
        );
        let clock = clock(minute.hour(), minute.minute(), self.second, self.micros);
        Some(match kind {
            TimeKind::Zoned => format!("{day}T{clock}+00:00"),
            TimeKind::Plain => format!("{day} {clock}"),
            TimeKind::Day => day,
            TimeKind::Clock => clock,
        })
    }

    /// The text that images have.
    pub(super) fn image_text(&self, kind: TimeKind) -> Option<String> {
        let minute = self.minute(kind)?;
        let year = match minute.year() {
            year @ 0..=9999 => format!("{year:04}"),
            year => format!("{year:+05}"),
        };
        let day = format!("{year}-{:02}-{:02}", minute.month(), minute.day());
        let clock = format!(
            "{:02}:{:02}:{:02}.{:06}",
            minute.hour(),
            minute.minute(),
            self.second,
            self.micros
        );
        Some(match kind {
            TimeKind::Zoned => format!("{day}T{clock}Z"),
            TimeKind::Plain => format!("{day}T{clock}"),
            TimeKind::Day => day,
            TimeKind::Clock => clock,
        })
    }
}

/// Four digits, or a text that sorts below or above all of them.
fn year_key(year: i32) -> String {
    match year {
        0..=9999 => format!("{year:04}"),
        ..0 => format!("-{:06}", YEARS + year),
        _ => format!(":{year:06}"),
    }
}

/// A time of day with as many digits as SeaORM writes.
fn clock(hour: u32, minute: u32, second: u32, micros: u32) -> String {
    let fraction = match (micros, micros % 1_000) {
        (0, _) => String::new(),
        (_, 0) => format!(".{:03}", micros / 1_000),
        _ => format!(".{micros:06}"),
    };
    format!("{hour:02}:{minute:02}:{second:02}{fraction}")
}

/// The rest of the text, which has not been read yet.
struct Unread<'t>(&'t [u8]);

impl Unread<'_> {
    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        bytes.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// Takes all digits that follow.
    fn digits(&mut self) -> &[u8] {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let count = self.0.iter().take_while(is_digit).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits
    }

    fn two_digits(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_first_chunk::<2>()?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        number(digits)
    }

    /// Takes a day, and returns whether its year has a sign.
    fn day(&mut self) -> Option<(bool, NaiveDate)> {
        let sign = self.one_of(b"+-");
        let digits = self.digits();
        let year = match (sign, digits.len()) {
            (None, 4) | (Some(_), 4..=6) => i32::try_from(number(digits)?).ok()?,
            _ => return None,
        };
        let year = if sign == Some(b'-') { -year } else { year };
        self.one_of(b"-")?;
        let month = self.two_digits()?;
        self.one_of(b"-")?;
        let day = NaiveDate::from_ymd_opt(year, month, self.two_digits()?)?;
        Some((sign.is_some(), day))
    }

    /// Takes the digits of a fraction, of which the first six count.
    fn micros(&mut self) -> Option<u32> {
        let digits = self.digits();
        let first = digits.get(..6).unwrap_or(digits);
        let missing = 6 - u32::try_from(first.len()).ok()?;
        (!digits.is_empty()).then_some(number(first)? * 10_u32.pow(missing))
    }

    /// Takes nothing, `Z`, or `±HH:MM`, which spaces may precede; the result is minutes east of UTC.
    fn offset(&mut self) -> Option<i32> {
        if self.0.is_empty() || self.one_of(b"Zz").is_some() {
            return Some(0);
        }
        while self.one_of(b" ").is_some() {}
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.two_digits().filter(|hours| *hours < 24)?;
        self.one_of(b":")?;
        let minutes = self.two_digits().filter(|minutes| *minutes < 60)?;
        i32::try_from(hours * 60 + minutes)
            .ok()
            .map(|east| sign * east)
    }
}

/// At most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    let digits = digits.iter();
    digits
        .map(|digit| u32::from(digit - b'0'))
        .try_fold(0, |number: u32, digit| {
            number.checked_mul(10)?.checked_add(digit)
        })
}

#[cfg(test)]
mod tests {
    use super::super::Times;
    use sea_orm::sea_query::ArrayType;

    fn times(rust: ArrayType) -> Times {
        Times::of(&rust).expect("a time")
    }

    #[test]
    fn spellings_of_one_moment_share_its_key() {
        let zoned = times(ArrayType::ChronoDateTimeUtc);
        let key = "2026-11-30T12:00:00.120+00:00";
        for text in [
            key,
            "2026-11-30T12:00:00.12Z",
            "2026-11-30 12:00:00.120000",
            "2026-11-30 14:00:00.1200009 +02:00",
            "2026-11-29t22:30:00.12-13:30",
        ] {
            assert_eq!(zoned.key_of(text).as_deref(), Some(key), "{text}");
        }
        let image = "2026-11-30T12:00:00.120000Z";
        assert_eq!(zoned.key_of_image(image).as_deref(), Some(key));
        assert_eq!(zoned.image_text(key).as_deref(), Some(image));
    }

    #[test]
    fn keys_are_in_the_order_of_moments() {
        let zoned = times(ArrayType::ChronoDateTimeUtc);
        let ordered = [
            "-0045-03-15T00:00:00+00:00",
            "-0044-03-15T00:00:00+00:00",
            "-0044-03-15T00:00:00.500+00:00",
            "0000-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "1970-01-01T01:00:00+01:00",
            "1970-01-01T00:00:00.000001Z",
            "2016-12-31 23:59:59.9",
            "2016-12-31 23:59:60.5",
            "2017-01-01 00:00",
            "9999-12-31 23:59:59",
            "+10000-01-01T00:00:00+00:00",
            "+10001-01-01T00:00:00+00:00",
        ];
        let keys = ordered.map(|text| zoned.key_of(text).expect(text));
        assert!(keys.is_sorted_by(|one, other| one < other), "{keys:#?}");
    }

    #[test]
    fn what_is_not_a_moment_has_no_key() {
        let zoned = times(ArrayType::ChronoDateTimeUtc);
        for text in [
            "",
            "now",
            "2026-11-30",
            "2026-02-29 12:00:00",
            "2026-11-30 24:00:00",
            "2026-11-30 12:60:00",
            "2026-11-30 12:00:61",
            "2026-11-30 12:00:00.",
            "2026-11-30 12:00:00 ",
            "2026-11-30 12:00:00+24:00",
            "26-11-30 12:00:00",
            "2026-11-30 12:00:00Zulu",
            "1764504000",
        ] {
            assert_eq!(zoned.key_of(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_times_of_day() {
        let day = times(ArrayType::ChronoDate);
        assert_eq!(day.key_of("2026-11-30").as_deref(), Some("2026-11-30"));
        assert_eq!(day.key_of("2026-11-30 00:00:00"), None);
        let clock = times(ArrayType::ChronoTime);
        for (text, key) in [
            ("12:30", "12:30:00"),
            ("12:30:00.0", "12:30:00"),
            ("12:30:00.5Z", "12:30:00.500"),
        ] {
            assert_eq!(clock.key_of(text).as_deref(), Some(key), "{text}");
        }
        let plain = times(ArrayType::ChronoDateTime);
        let key = plain.key_of("2026-11-30T12:00:00+02:00");
        assert_eq!(key.as_deref(), Some("2026-11-30 12:00:00"));
    }

    #[test]
    fn every_spelling_is_around() {
        let zoned = times(ArrayType::ChronoDateTimeUtc);
        let around = zoned.around("2026-11-30T00:30:00+00:00");
        let around = around.expect("in this era");
        for text in ["2026-11-29T00:31:00-23:59", "2026-12-01 00:29:00+23:59"] {
            assert_eq!(
                zoned.key_of(text).as_deref(),
                Some("2026-11-30T00:30:00+00:00")
            );
            assert!(
                around.0.as_str() <= text && text < around.1.as_str(),
                "{text}"
            );
        }
        for key in ["0000-06-01T00:00:00+00:00", ":010000-01-01T00:00:00+00:00"] {
            assert_eq!(zoned.around(key), None);
        }
    }
}
