//! Converts the texts that triggers write to the images that hooks write.
//!
//! The text of a value gives what is stored; the column's type determines how an image writes it. If the
//! program has an entity for the table and the column has kept its type since, the entity's type is used, so
//! that hooks and triggers give one image; otherwise the type is derived from the catalogue's words.
//!
//! Decoding never fails: a value that cannot be read as its column demands is given as `{"$text": …}` or
//! `{"$blob": …}`, so a change is never withheld because of one value.

mod scalar;
mod texts;

use sea_orm::sea_query::ArrayType;
use sea_orm::{ColumnType, Value};
use serde_json::Value as Json;

use super::schema::Schemas;
use crate::database::{Dialect, Images};
use crate::image::{self, Image, REDACTED, REDACTED_CHANGED};
use crate::registry::Registry;
use crate::shape::{Column, Reading, Shown, Version};
use scalar::{Class, Scalar};
use texts::{Texts, Token};

/// The image in a trigger's text, in today's names.
pub(crate) fn decode(
    schemas: &Schemas,
    entity: &str,
    version: i32,
    text: &[u8],
    dialect: &dyn Dialect,
) -> Image {
    let schema = schemas.version(entity, version);
    let image = image_with(text, dialect, |name, token| match column_of(schema, name) {
        Some(column) if column.shown == Shown::Redacted => redacted(token),
        Some(column) => {
            let own = own_reading(schemas, entity, column);
            value(token, column, own.as_ref(), dialect)
        }
        None => unknown(token),
    });
    schemas.in_todays_names(entity, version, image)
}

/// The image of a row that was read as triggers write it, by columns as an entity declares them.
pub(super) fn decode_row<'c>(
    columns: impl Iterator<Item = (&'c Column, &'c Reading)> + Clone,
    text: &[u8],
    dialect: &dyn Dialect,
) -> Image {
    image_with(text, dialect, |name, token| {
        let mut columns = columns.clone();
        match columns.find(|(column, _)| column.name == name) {
            Some((column, own)) => value(token, column, Some(own), dialect),
            None => unknown(token),
        }
    })
}

/// The image in a text, with its values read by `read`.
fn image_with(
    text: &[u8],
    dialect: &dyn Dialect,
    read: impl Fn(&str, &Token<'_>) -> Json,
) -> Image {
    let Some(texts) = Texts::read(text, dialect.facts().images) else {
        let whole = String::from_utf8_lossy(text).into_owned();
        return [("$text".to_owned(), Json::String(whole))]
            .into_iter()
            .collect();
    };
    let fields = texts.fields();
    let mut fields: Vec<(String, Json)> = fields
        .map(|(name, token)| (name.to_owned(), read(name, token)))
        .collect();
    fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    fields.into_iter().collect()
}

/// The text that a trigger wrote in place of a value.
fn redacted(token: &Token<'_>) -> Json {
    let written = match token {
        Token::Json(text) => text.as_bytes(),
        Token::Bytes(bytes) => bytes,
        Token::Null => &[],
    };
    let changed = REDACTED_CHANGED.as_bytes();
    let is_changed = written.windows(changed.len()).any(|part| part == changed);
    if is_changed {
        REDACTED_CHANGED
    } else {
        REDACTED
    }
    .into()
}

fn column_of<'a>(schema: Option<&'a Version>, name: &str) -> Option<&'a Column> {
    schema?.columns.iter().find(|column| column.name == name)
}

/// How the program's own entity reads the column, if the column still has the type that it had.
fn own_reading(schemas: &Schemas, entity: &str, column: &Column) -> Option<Reading> {
    let columns = &schemas.newest(entity)?.columns;
    let mut today = columns.iter();
    let today = today.find(|now| now.number == column.number && now.ty == column.ty)?;
    let is_there = |name: &str| columns.iter().any(|column| column.name == name);
    let (ty, rust) = Registry::linked().column(entity, &today.name, is_there)?;
    Some(Reading { column: ty, rust })
}

/// A value of a column that was added after the version. This occurs only on PostgreSQL.
fn unknown(token: &Token<'_>) -> Json {
    match token {
        Token::Null => Json::Null,
        Token::Json(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| unreadable(&Scalar::of_json(text)))
        }
        Token::Bytes(bytes) => unreadable(&Scalar::untyped(bytes)),
    }
}

fn value(token: &Token<'_>, column: &Column, own: Option<&Reading>, dialect: &dyn Dialect) -> Json {
    let by_type = || dialect.reading(&column.ty);
    let read = |reading: &Reading| match token {
        Token::Null => Some(Json::Null),
        Token::Json(text) => from_json(text, reading, dialect),
        Token::Bytes(bytes) => from_scalar(
            &Scalar::stored(bytes, &column.ty, dialect),
            reading,
            dialect,
        ),
    };
    if let (Some(own), Token::Bytes(bytes)) = (own, token) {
        let scalar = Scalar::stored(bytes, &column.ty, dialect);
        if is_spelled_uuid(&scalar, own, dialect) {
            return unreadable(&scalar);
        }
    }
    own.and_then(read)
        .or_else(|| read(&by_type()))
        .unwrap_or_else(|| match token {
            Token::Null => Json::Null,
            Token::Json(text) => unreadable(&Scalar::of_json(text)),
            Token::Bytes(bytes) => unreadable(&Scalar::stored(bytes, &column.ty, dialect)),
        })
}

/// Whether a text of SQLite spells a UUID that the entity stores as 16 bytes: no driver reads it, and a
/// lookup by the bytes does not find a key that has it.
fn is_spelled_uuid(scalar: &Scalar<'_>, own: &Reading, dialect: &dyn Dialect) -> bool {
    let is_tagged = dialect.facts().images == Images::Tagged;
    is_tagged && own.rust == ArrayType::Uuid && scalar.class == Class::Text
}

/// A value of PostgreSQL, from its JSON as the server wrote it, digit by digit.
fn from_json(text: &str, reading: &Reading, dialect: &dyn Dialect) -> Option<Json> {
    if let (ColumnType::Array(element), false) = (&reading.column, text == "null") {
        let element = Reading {
            column: (**element).clone(),
            rust: reading.rust.clone(),
        };
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
        let items = items
            .into_iter()
            .map(|item| from_json(item.get(), &element, dialect));
        return items.collect::<Option<_>>().map(Json::Array);
    }
    if reading.rust == ArrayType::Json {
        let json = serde_json::from_str(text).ok()?;
        return image::encode(&reading.column, &Value::Json(Some(Box::new(json)))).ok();
    }
    if text == "null" {
        return Some(Json::Null);
    }
    from_scalar(&Scalar::of_json(text), reading, dialect)
}

fn from_scalar(scalar: &Scalar<'_>, reading: &Reading, dialect: &dyn Dialect) -> Option<Json> {
    let value = scalar.value(&reading.column, &reading.rust, dialect)?;
    image::encode(&reading.column, &value).ok()
}

/// A value that does not fit its column, as its text or bytes.
fn unreadable(scalar: &Scalar<'_>) -> Json {
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let (form, text) = match (scalar.class, std::str::from_utf8(&scalar.bytes)) {
        (Class::Blob, _) | (_, Err(_)) => ("$blob", base64(&scalar.bytes)),
        (_, Ok(text)) => ("$text", text.to_owned()),
    };
    Json::Object(
        [(form.to_owned(), Json::String(text))]
            .into_iter()
            .collect(),
    )
}
