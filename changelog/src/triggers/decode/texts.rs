//! Splits a trigger's text into values by column, each as the database wrote it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use crate::database::Images;

/// One value.
#[derive(Debug)]
pub(super) enum Token<'a> {
    /// NULL; on PostgreSQL also JSON null.
    Null,
    /// The value as JSON text, on PostgreSQL.
    Json(&'a str),
    /// The string's bytes, on the other databases. They need not be UTF-8.
    Bytes(Vec<u8>),
}

/// All values.
#[derive(Debug)]
pub(super) struct Texts<'a>(Vec<(String, Token<'a>)>);

impl<'a> Texts<'a> {
    /// Reads the values; `None` if the text was not written by a trigger.
    pub(super) fn read(text: &'a [u8], images: Images) -> Option<Self> {
        let fields = if images == Images::Json {
            let values: BTreeMap<String, &RawValue> = serde_json::from_slice(text).ok()?;
            let token = |value: &'a RawValue| match value.get() {
                "null" => Token::Null,
                json => Token::Json(json),
            };
            values
                .into_iter()
                .map(|(name, value)| (name, token(value)))
                .collect()
        } else {
            let values: BTreeMap<String, Option<Bytes>> = serde_json::from_slice(text).ok()?;
            let token = |value: Option<Bytes>| {
                value.map_or(Token::Null, |Bytes(bytes)| Token::Bytes(bytes))
            };
            values
                .into_iter()
                .map(|(name, value)| (name, token(value)))
                .collect()
        };
        Some(Self(fields))
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Token<'a>)> {
        self.0.iter().map(|(name, token)| (name.as_str(), token))
    }
}

/// A JSON string as bytes, because SQLite's text may not be UTF-8.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfString;
        impl<'de> Visitor<'de> for OfString {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(OfString)
    }
}
