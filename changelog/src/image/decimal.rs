//! Decimals: plain digits, never an exponent.
//!
//! All work is done on decimal digits, so nothing is lost to binary fractions, and both decimal crates give
//! the same text for the same number. It is bounded: a number of more than [`MAX_DIGITS`] digits is never
//! written out. This module knows nothing of columns but the scale that they declare.

use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::ImageError;
use super::form::Form;

/// More than PostgreSQL's `numeric` stores (131,072 digits before the point, 16,383 after). A `BigDecimal`
/// such as 1e999999999 must not become a gigabyte of zeros.
const MAX_DIGITS: usize = 200_000;

const DECIMAL: &str = "a decimal";

/// A decimal number as digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    negative: bool,
    /// At least one digit; no leading zeros, except for a single zero.
    whole: String,
    fraction: String,
}

impl Plain {
    /// Reads `[-]digits[.digits]`.
    pub(super) fn parse(text: &str) -> Result<Self, ImageError> {
        if text.len() > MAX_DIGITS {
            return Err(ImageError::NumberTooLong);
        }
        let digits = text.strip_prefix('-');
        let negative = digits.is_some();
        let (whole, fraction) = match digits.unwrap_or(text).split_once('.') {
            Some((_, "")) => return Err(ImageError::malformed(DECIMAL, text)),
            Some(parts) => parts,
            None => (digits.unwrap_or(text), ""),
        };
        let mut all = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !all.all(|byte| byte.is_ascii_digit()) {
            return Err(ImageError::malformed(DECIMAL, text));
        }
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            rest => rest,
        };
        Ok(Self {
            negative,
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }

    /// Reads the image of a decimal: a string, or a JSON integer.
    pub(super) fn read(json: &Json) -> Result<Self, ImageError> {
        match json {
            Json::String(text) => Self::parse(text),
            Json::Number(number) if number.is_i64() || number.is_u64() => {
                Self::parse(&number.to_string())
            }
            other => Err(ImageError::wrong("a decimal in a string", other)),
        }
    }

    fn of_big(value: &BigDecimal) -> Result<Self, ImageError> {
        if value.is_zero() {
            return Self::parse("0");
        }
        let shift = value.fractional_digit_count().unsigned_abs();
        if value.digits() + shift > MAX_DIGITS as u64 {
            return Err(ImageError::NumberTooLong);
        }
        Self::parse(&value.to_plain_string())
    }

    /// The number of fractional digits.
    pub(super) fn scale(&self) -> u32 {
        u32::try_from(self.fraction.len()).unwrap_or(u32::MAX)
    }

    /// The number as text: with `scale` fractional digits, or without trailing zeros.
    pub(super) fn text(self, scale: Option<u32>) -> Result<String, ImageError> {
        let mut plain = match scale {
            Some(scale) if scale as usize > MAX_DIGITS => return Err(ImageError::NumberTooLong),
            Some(scale) => self.rounded(scale),
            None => self,
        };
        plain
            .fraction
            .truncate(plain.fraction.trim_end_matches('0').len());
        let zero = plain.whole == "0" && plain.fraction.is_empty();
        if let Some(scale) = scale {
            let missing = (scale as usize).saturating_sub(plain.fraction.len());
            plain.fraction.push_str(&"0".repeat(missing));
        }
        let sign = if plain.negative && !zero { "-" } else { "" };
        let point = if plain.fraction.is_empty() { "" } else { "." };
        Ok(format!("{sign}{}{point}{}", plain.whole, plain.fraction))
    }

    pub(super) fn json(self, scale: Option<u32>) -> Result<Json, ImageError> {
        self.text(scale).map(Json::String)
    }

    /// The number, if it has no fraction.
    pub(super) fn integer(self) -> Result<i128, ImageError> {
        let text = self.text(None)?;
        text.parse()
            .map_err(|_| ImageError::malformed("an integer", &text))
    }

    /// Rounds half away from zero, as the databases do.
    fn rounded(mut self, scale: u32) -> Self {
        let scale = scale as usize;
        let up = match self.fraction.as_bytes().get(scale) {
            Some(digit) => *digit >= b'5',
            None => return self,
        };
        self.fraction.truncate(scale);
        if !up {
            return self;
        }
        let digits = format!("{}{}", self.whole, self.fraction);
        let kept = digits.trim_end_matches('9');
        let nines = digits.len() - kept.len();
        let mut digits = match kept.char_indices().next_back() {
            // The next ASCII character after a digit below 9 is its successor.
            Some((at, last)) => format!("{}{}", &kept[..at], char::from(last as u8 + 1)),
            None => "1".to_owned(),
        };
        digits.push_str(&"0".repeat(nines));
        self.fraction = digits.split_off(digits.len() - scale);
        self.whole = digits;
        self
    }
}

/// The image of a `rust_decimal`.
pub(super) fn encode(form: Form, value: &Decimal) -> Result<Json, ImageError> {
    write(form, Plain::parse(&value.to_string())?)
}

/// The image of a `BigDecimal`.
pub(super) fn encode_big(form: Form, value: &BigDecimal) -> Result<Json, ImageError> {
    write(form, Plain::of_big(value)?)
}

fn write(form: Form, plain: Plain) -> Result<Json, ImageError> {
    match form {
        Form::Decimal(scale) => plain.json(scale),
        Form::Text | Form::Natural => plain.json(None),
        _ => Err(form.refuses(DECIMAL)),
    }
}

/// The `rust_decimal` behind an image, if it can hold every digit.
pub(super) fn decode(form: Form, json: &Json) -> Result<Decimal, ImageError> {
    let text = read(form, json)?;
    // `from_str` would round a number that does not fit.
    Decimal::from_str_exact(&text).map_err(|_| ImageError::out_of_range::<Decimal>(&text))
}

/// The `BigDecimal` behind an image.
pub(super) fn decode_big(form: Form, json: &Json) -> Result<Box<BigDecimal>, ImageError> {
    let text = read(form, json)?;
    BigDecimal::from_str(&text)
        .map(Box::new)
        .map_err(|_| ImageError::out_of_range::<BigDecimal>(&text))
}

fn read(form: Form, json: &Json) -> Result<String, ImageError> {
    match form {
        // Trailing zeros could make a number too long for its type even if its value fits.
        Form::Decimal(_) | Form::Text | Form::Natural => Plain::read(json)?.text(None),
        _ => Err(form.refuses(DECIMAL)),
    }
}

/// The number rounded to the scale, or unchanged if it has no more digits than that.
pub(super) fn canonical(value: Decimal, scale: u32) -> Decimal {
    if value.scale() <= scale {
        return value;
    }
    let rounded = Plain::parse(&value.to_string()).and_then(|plain| plain.text(Some(scale)));
    rounded
        .ok()
        .and_then(|text| Decimal::from_str_exact(&text).ok())
        .unwrap_or(value)
}

/// The same as [`canonical`].
pub(super) fn canonical_big(value: Box<BigDecimal>, scale: u32) -> Box<BigDecimal> {
    if value.fractional_digit_count() <= i64::from(scale) {
        return value;
    }
    let rounded = Plain::of_big(&value).and_then(|plain| plain.text(Some(scale)));
    rounded
        .ok()
        .and_then(|text| BigDecimal::from_str(&text).ok())
        .map_or(value, Box::new)
}
