//! Strings, characters, enum words, bytes, uuids and nested JSON.
//!
//! Text is never changed, bytes are base64 with padding, uuids are hyphenated and in lower case. This module
//! does not know the words of an enum: the model checks them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::prelude::Uuid;
use serde_json::Value as Json;

use super::ImageError;
use super::form::Form;

/// The most levels of JSON in a column. serde_json reads 127, of which two are for the image and an array
/// around it. A single change that cannot be read back would end the whole log for every reader.
const DEEPEST: usize = 125;

const UUID: &str = "a hyphenated uuid";

/// Whether columns of this form may hold text that a model stores as a `String`.
fn takes_text(form: Form) -> bool {
    !matches!(
        form,
        Form::Integer
            | Form::LongInteger
            | Form::Float
            | Form::Decimal(_)
            | Form::Boolean
            | Form::Bytes
            | Form::Other
    )
}

/// The string in a JSON value.
pub(super) fn string<'a>(expected: &'static str, json: &'a Json) -> Result<&'a str, ImageError> {
    json.as_str()
        .ok_or_else(|| ImageError::wrong(expected, json))
}

/// The image of a text, which is the text.
pub(super) fn encode(form: Form, text: &str) -> Result<Json, ImageError> {
    if takes_text(form) {
        Ok(text.into())
    } else {
        Err(form.refuses("a text"))
    }
}

/// The text behind an image.
pub(super) fn decode(form: Form, json: &Json) -> Result<String, ImageError> {
    if takes_text(form) {
        string("a string", json).map(str::to_owned)
    } else {
        Err(form.refuses("a text"))
    }
}

/// The one character behind an image.
pub(super) fn decode_char(form: Form, json: &Json) -> Result<char, ImageError> {
    let text = decode(form, json)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(ImageError::malformed("a single character", &text)),
    }
}

/// The image of bytes.
pub(super) fn encode_bytes(form: Form, bytes: &[u8]) -> Result<Json, ImageError> {
    match form {
        Form::Bytes | Form::Natural => Ok(STANDARD.encode(bytes).into()),
        // The column is declared as a uuid, but stored without a uuid type, so it is read as bytes.
        Form::Uuid => Uuid::from_slice(bytes)
            .map(|uuid| uuid.hyphenated().to_string().into())
            .map_err(|_| ImageError::out_of_range::<Uuid>(&format!("{} bytes", bytes.len()))),
        _ => Err(form.refuses("binary data")),
    }
}

/// The bytes behind an image.
pub(super) fn decode_bytes(form: Form, json: &Json) -> Result<Vec<u8>, ImageError> {
    match form {
        Form::Bytes | Form::Natural => {
            let text = string("base64", json)?;
            STANDARD
                .decode(text)
                .map_err(|_| ImageError::malformed("base64", text))
        }
        Form::Uuid => decode_uuid(form, json).map(|uuid| uuid.into_bytes().to_vec()),
        _ => Err(form.refuses("binary data")),
    }
}

/// The image of a uuid; in a binary column, that of its 16 bytes.
pub(super) fn encode_uuid(form: Form, uuid: Uuid) -> Result<Json, ImageError> {
    match form {
        Form::Uuid | Form::Text | Form::Natural => {
            let mut text = Uuid::encode_buffer();
            Ok(uuid.hyphenated().encode_lower(&mut text).to_owned().into())
        }
        Form::Bytes => encode_bytes(form, uuid.as_bytes()),
        _ => Err(form.refuses("a uuid")),
    }
}

/// The uuid behind an image.
pub(super) fn decode_uuid(form: Form, json: &Json) -> Result<Uuid, ImageError> {
    match form {
        Form::Uuid | Form::Text | Form::Natural => {
            let text = string(UUID, json)?;
            // The crate reads three other notations too, which all differ in length.
            match Uuid::try_parse(text) {
                Ok(uuid) if text.len() == 36 => Ok(uuid),
                _ => Err(ImageError::malformed(UUID, text)),
            }
        }
        Form::Bytes => {
            let bytes = decode_bytes(form, json)?;
            Uuid::from_slice(&bytes)
                .map_err(|_| ImageError::out_of_range::<Uuid>(&format!("{} bytes", bytes.len())))
        }
        _ => Err(form.refuses("a uuid")),
    }
}

/// The image of a JSON value, which is the value itself.
pub(super) fn encode_json(form: Form, json: &Json) -> Result<Json, ImageError> {
    match form {
        Form::Json | Form::Text | Form::Natural if is_within(json, DEEPEST) => Ok(json.clone()),
        Form::Json | Form::Text | Form::Natural => Err(ImageError::TooDeep),
        _ => Err(form.refuses("JSON")),
    }
}

/// Whether a document has no more than this number of levels.
fn is_within(json: &Json, levels: usize) -> bool {
    let below = levels.checked_sub(1);
    match json {
        Json::Array(items) => {
            below.is_some_and(|below| items.iter().all(|item| is_within(item, below)))
        }
        Json::Object(map) => {
            below.is_some_and(|below| map.values().all(|item| is_within(item, below)))
        }
        _ => true,
    }
}
