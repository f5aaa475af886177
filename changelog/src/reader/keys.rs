//! The texts that a row's key has in the log, and how changes are found by them.
//!
//! A key is stored as JSON text with sorted names, so that equal texts are equal keys. One key may have several
//! texts: hooks write it as images do, and triggers as the database knows it.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::Condition;
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use serde_json::Value as Json;

use crate::database::{Dialect, Images};
use crate::image::{self, Image};

/// The key's texts, those of triggers included.
pub(crate) fn texts_of(key: &Image) -> impl Iterator<Item = Vec<u8>> {
    let texts = [
        Some(image::text_of(key)),
        Some(key_text_with_numbers(key)),
        with_texts(key),
    ];
    let texts = texts.into_iter().flatten().map(String::into_bytes);
    texts.chain(with_bytes(key))
}

/// The key's text with numbers in place of strings of digits. Triggers of SQLite write it in this way, because no
/// type distinguishes integers of 64 bits, which images write as strings, from others. It also has this form from
/// before its columns got 64 bits.
pub(super) fn key_text_with_numbers(key: &Image) -> String {
    let number = |value: &Json| match value {
        Json::String(digits) => digits.parse::<i64>().map_or(value.clone(), Json::from),
        other => other.clone(),
    };
    let fields = key
        .iter()
        .map(|(name, value)| (name.clone(), number(value)));
    Json::Object(fields.collect()).to_string()
}

/// The key's text as triggers write it where a value does not fit its column; `None` if all do.
fn with_texts(key: &Image) -> Option<String> {
    key.values().find(|value| image::is_unfit(value))?;
    let text = |value: &Json| match value.get("$text").filter(|_| image::is_unfit(value)) {
        Some(text) => text.clone(),
        None => value.clone(),
    };
    let fields = key.iter().map(|(name, value)| (name.clone(), text(value)));
    Some(Json::Object(fields.collect()).to_string())
}

/// The key's text as triggers write it where a value is a text that is not UTF-8; `None` if none is.
fn with_bytes(key: &Image) -> Option<Vec<u8>> {
    key.values().find_map(bytes_in)?;
    let mut text = Vec::new();
    for (name, value) in key {
        text.push(if text.is_empty() { b'{' } else { b',' });
        text.extend(Json::from(name.as_str()).to_string().into_bytes());
        text.push(b':');
        match bytes_in(value) {
            Some(bytes) => text.extend(quoted(&bytes)),
            None => text.extend(value.to_string().into_bytes()),
        }
    }
    text.push(b'}');
    Some(text)
}

fn bytes_in(value: &Json) -> Option<Vec<u8>> {
    let base64 = value.get("$blob").filter(|_| image::is_unfit(value))?;
    STANDARD.decode(base64.as_str()?).ok()
}

/// A JSON string of these bytes, in which those that are not UTF-8 stand as they are.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for chunk in bytes.utf8_chunks() {
        let valid = Json::from(chunk.valid()).to_string();
        text.extend(valid.bytes().skip(1).take(valid.len() - 2));
        text.extend(chunk.invalid());
    }
    text.push(b'"');
    text
}

/// Changes with exactly one of these keys, written so that the index on keys serves it.
pub(crate) fn any_key_condition<'k>(
    keys: impl IntoIterator<Item = &'k Image>,
    dialect: &dyn Dialect,
) -> Condition {
    // One text, where they are the same: the index then has the order, too.
    let mut texts = BTreeSet::new();
    let mut in_hexadecimal = BTreeSet::new();
    for text in keys.into_iter().flat_map(texts_of) {
        match String::from_utf8(text) {
            Ok(text) => texts.insert(text),
            Err(error) => in_hexadecimal.insert(hexadecimal(error.as_bytes())),
        };
    }
    let by_text = dialect.has_key(texts.into_iter().collect());
    // PostgreSQL has no such texts. For the others no index serves it, but hardly ever is there one.
    if in_hexadecimal.is_empty() || dialect.facts().images == Images::Json {
        return by_text;
    }
    let bytes = Expr::expr(Func::cust("hex").arg(Expr::col("row_key")));
    Condition::any()
        .add(by_text)
        .add(bytes.is_in(in_hexadecimal))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_has_the_texts_that_capture_writes() {
        let texts = |key: Json| -> BTreeSet<String> {
            let key = key.as_object().cloned().unwrap_or_default();
            let texts = texts_of(&key);
            texts
                .map(|text| text.escape_ascii().to_string().replace('\\', ""))
                .collect()
        };
        let of = |texts: &[&str]| -> BTreeSet<String> {
            texts.iter().map(|text| (*text).to_owned()).collect()
        };
        assert_eq!(texts(json!({ "id": 1 })), of(&[r#"{"id":1}"#]));
        assert_eq!(
            texts(json!({ "id": "1" })),
            of(&[r#"{"id":"1"}"#, r#"{"id":1}"#])
        );
        assert_eq!(
            texts(json!({ "id": { "$text": "x" } })),
            of(&[r#"{"id":{"$text":"x"}}"#, r#"{"id":"x"}"#])
        );
        assert_eq!(
            texts(json!({ "id": 1, "name": { "$blob": "eCLtoIA=" } })),
            of(&[
                r#"{"id":1,"name":{"$blob":"eCLtoIA="}}"#,
                r#"{"id":1,"name":"x"xedxa0x80"}"#
            ])
        );
    }
}
