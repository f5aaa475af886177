//! Floating point numbers.
//!
//! Floats are written with the fewest digits that the value's own type reads back exactly, including the sign
//! of zero. This module knows nothing of decimals but how to write one.

use std::str::FromStr;

use serde_json::{Number, Value as Json};

use super::ImageError;
use super::decimal::Plain;
use super::form::Form;

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";
const FLOAT: &str = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";

/// A float's image.
///
/// `T` is `f32` or `f64`. Each prints its own shortest digits, which for an `f32` are fewer than those of the
/// `f64` of the same value (0.1, not 0.10000000149011612).
pub(super) fn encode<T: ToString + Into<f64>>(form: Form, value: T) -> Result<Json, ImageError> {
    let digits = value.to_string();
    let wide: f64 = value.into();
    match form {
        Form::Float | Form::Natural if wide.is_nan() => Ok(NAN.into()),
        Form::Float | Form::Natural if wide == f64::INFINITY => Ok(INFINITY.into()),
        Form::Float | Form::Natural if wide == f64::NEG_INFINITY => Ok(NEGATIVE_INFINITY.into()),
        Form::Float | Form::Natural => digits
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Json::Number)
            .ok_or_else(|| ImageError::out_of_range::<f64>(&digits)),
        // Only SQLite reads floats from decimal columns, and it keeps digits beyond the scale.
        Form::Decimal(scale) if wide.is_finite() => {
            let plain = Plain::parse(&digits)?;
            let scale = scale.map(|scale| scale.max(plain.scale()));
            plain.json(scale)
        }
        _ => Err(form.refuses("a float")),
    }
}

/// The float behind an image; `T` is `f32` or `f64`.
///
/// The decimal digits are read as a `T` directly, because by way of `f64` an `f32` would be rounded twice.
pub(super) fn decode<T>(form: Form, json: &Json) -> Result<T, ImageError>
where
    T: FromStr + Into<f64> + Copy,
{
    let digits = match (form, json) {
        (Form::Float | Form::Natural, Json::Number(number)) => number.to_string(),
        (Form::Float | Form::Natural, Json::String(text)) => {
            return match text.as_str() {
                NAN | INFINITY | NEGATIVE_INFINITY => parse(text),
                _ => Err(ImageError::malformed(FLOAT, text)),
            };
        }
        (Form::Float | Form::Natural, other) => return Err(ImageError::wrong(FLOAT, other)),
        (Form::Decimal(_), json) => Plain::read(json)?.text(None)?,
        _ => return Err(form.refuses("a float")),
    };
    let value: T = parse(&digits)?;
    if value.into().is_finite() {
        Ok(value)
    } else {
        Err(ImageError::out_of_range::<T>(&digits))
    }
}

fn parse<T: FromStr>(text: &str) -> Result<T, ImageError> {
    text.parse().map_err(|_| ImageError::malformed(FLOAT, text))
}
