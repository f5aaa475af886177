//! Integers and booleans.
//!
//! Every integer of up to 64 bits is preserved; none is ever read from a JSON float. This module knows
//! nothing of the model's types but their range.

use serde_json::Value as Json;

use super::ImageError;
use super::decimal::Plain;
use super::form::Form;

const INTEGER: &str = "an integer";

/// An integer's image; `long` says whether its own type has 64 bits.
pub(super) fn encode(form: Form, value: i128, long: bool) -> Result<Json, ImageError> {
    match form {
        Form::Integer | Form::Float => number(value),
        Form::Natural if !long => number(value),
        Form::LongInteger | Form::Natural => Ok(Json::String(value.to_string())),
        Form::Year => Ok(Json::String(format!("{value:04}"))),
        Form::Decimal(scale) => Plain::parse(&value.to_string())?.json(scale),
        // Some databases have no booleans and some models no `bool`; both use 0 and 1.
        Form::Boolean => boolean(value).map(Json::Bool),
        _ => Err(form.refuses(INTEGER)),
    }
}

/// The integer behind an image, if `T` can hold it.
pub(super) fn decode<T: TryFrom<i128>>(form: Form, json: &Json) -> Result<T, ImageError> {
    let value = match form {
        Form::Integer | Form::Float => from_number(json)?,
        Form::LongInteger | Form::Year | Form::Natural => from_number_or_text(json)?,
        Form::Decimal(_) => Plain::read(json)?.integer()?,
        Form::Boolean => decode_bool(form, json)?.into(),
        _ => return Err(form.refuses(INTEGER)),
    };
    T::try_from(value).map_err(|_| ImageError::out_of_range::<T>(&value.to_string()))
}

/// A boolean's image.
pub(super) fn encode_bool(form: Form, value: bool) -> Result<Json, ImageError> {
    match form {
        Form::Boolean | Form::Natural => Ok(Json::Bool(value)),
        Form::Integer | Form::LongInteger => encode(form, value.into(), false),
        _ => Err(form.refuses("a boolean")),
    }
}

/// The boolean behind an image.
pub(super) fn decode_bool(form: Form, json: &Json) -> Result<bool, ImageError> {
    match form {
        Form::Boolean | Form::Natural => json
            .as_bool()
            .ok_or_else(|| ImageError::wrong("a boolean", json)),
        Form::Integer | Form::LongInteger => boolean(decode(form, json)?),
        _ => Err(form.refuses("a boolean")),
    }
}

fn boolean(value: i128) -> Result<bool, ImageError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ImageError::out_of_range::<bool>(&value.to_string())),
    }
}

fn number(value: i128) -> Result<Json, ImageError> {
    i64::try_from(value)
        .map(Json::from)
        .or_else(|_| u64::try_from(value).map(Json::from))
        .map_err(|_| ImageError::out_of_range::<u64>(&value.to_string()))
}

fn from_number(json: &Json) -> Result<i128, ImageError> {
    let Json::Number(number) = json else {
        return Err(ImageError::wrong(INTEGER, json));
    };
    let signed = number.as_i64().map(i128::from);
    signed
        .or_else(|| number.as_u64().map(i128::from))
        .ok_or_else(|| ImageError::malformed("an integer of 64 bits", &number.to_string()))
}

fn from_number_or_text(json: &Json) -> Result<i128, ImageError> {
    let Json::String(text) = json else {
        return from_number(json);
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ImageError::malformed(INTEGER, text));
    }
    text.parse()
        .map_err(|_| ImageError::out_of_range::<i128>(text))
}
