//! The expressions of SQLite's triggers: a row's key and image, and whether an update has changed it.

use crate::database::{Dialect, Sqlite};
use crate::image::{REDACTED, REDACTED_CHANGED};
use crate::shape::{Column, Shown, Version};

/// The most terms of one concatenation or condition. Longer ones are nested, which keeps the expression's
/// depth below SQLite's limit of 1,000.
const TERMS: usize = 20;

pub(super) fn quoted(text: &str) -> String {
    Sqlite.quote(text)
}

/// A part of the context. Our programs always set the transaction id; if it is not set, the row comes from
/// another program, and the first `most` characters of its text are kept.
pub(super) fn context(part: &str, most: usize) -> String {
    format!(
        "CASE WHEN x.transaction_id IS NULL THEN NULLIF(substr(CAST(x.{part} AS TEXT), 1, {most}), '')
           ELSE x.{part} END"
    )
}

/// Whether an update has changed a column's value, byte by byte. This holds exactly if its images differ.
fn is_other(column: &Column) -> String {
    let column = quoted(&column.name);
    // The zeros of both signs are the only values that are equal but have different images.
    format!(
        "(OLD.{column} IS NOT NEW.{column} COLLATE BINARY
         OR typeof(OLD.{column}) <> typeof(NEW.{column})
         OR typeof(NEW.{column}) = 'real'
           AND printf('%!.17g', OLD.{column}) <> printf('%!.17g', NEW.{column}))"
    )
}

/// Whether an update has given one of the columns another value.
pub(super) fn are_other<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let parts: Vec<String> = columns.map(is_other).collect();
    format!("({})", joined(&parts, " OR "))
}

pub(super) fn literal(text: &str) -> String {
    Sqlite.literal(text)
}

/// The image of a row (`NEW`, `OLD` or an alias).
pub(in super::super) fn image_of(version: &Version, row: &str) -> String {
    image_with(version, row, |start, _| {
        literal(&format!("{start}:\"{REDACTED}\""))
    })
}

fn image_with(version: &Version, row: &str, redacted: impl Fn(&str, &Column) -> String) -> String {
    let shown = version.columns.iter();
    let parts = shown
        .filter(|column| column.shown != Shown::Not)
        .map(|column| {
            let value = format!("{row}.{}", quoted(&column.name));
            let start = json(&column.name);
            if column.shown == Shown::Redacted {
                return redacted(&start, column);
            }
            let start = literal(&format!("{start}:"));
            format!(
                "{start} || CASE typeof({value}) WHEN 'null' THEN 'null'
                 WHEN 'text' THEN json_quote('t' || {value})
                 WHEN 'integer' THEN '\"i' || {value} || '\"'
                 WHEN 'real' THEN '\"r' || printf('%!.17g', {value}) || '\"'
                 ELSE '\"b' || hex({value}) || '\"' END"
            )
        });
    object(parts)
}

/// The key of a row (`NEW`, `OLD` or an alias) as JSON.
pub(super) fn key(version: &Version, row: &str) -> String {
    let mut keys: Vec<&Column> = version.keys().collect();
    keys.sort_by(|left, right| left.name.cmp(&right.name));
    let parts = keys.iter().map(|key| {
        let value = format!("{row}.{}", quoted(&key.name));
        // The UUID is a blob of 16 bytes.
        let part = |from: u8, length: u8| format!("substr(hex({value}), {from}, {length})");
        let uuid = [
            part(1, 8),
            part(9, 4),
            part(13, 4),
            part(17, 4),
            part(21, 12),
        ];
        let uuid = uuid.join(" || '-' || ");
        format!(
            "{} || CASE typeof({value}) WHEN 'null' THEN 'null' WHEN 'integer' THEN {value}
             WHEN 'text' THEN json_quote({value}) WHEN 'real' THEN printf('\"%!.17g\"', {value})
             ELSE '\"' || lower({uuid}) || '\"' END",
            literal(&format!("{}:", json(&key.name)))
        )
    });
    object(parts)
}

/// The image of the row after an update, which says which redacted columns have changed.
pub(super) fn updated_image(version: &Version) -> String {
    image_with(version, "NEW", |start, column| {
        let same = literal(&format!("{start}:\"{REDACTED}\""));
        let changed = literal(&format!("{start}:\"{REDACTED_CHANGED}\""));
        let is_other = is_other(column);
        format!("CASE WHEN {is_other} THEN {changed} ELSE {same} END")
    })
}

/// A name as JSON text.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The parts, joined into a JSON object.
fn object(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.map(|part| format!("({part})")).collect();
    format!("'{{' || {} || '}}'", joined(&parts, " || ',' || "))
}

fn joined(parts: &[String], glue: &str) -> String {
    if parts.len() <= TERMS {
        return parts.join(glue);
    }
    let size = parts.len().div_ceil(TERMS);
    let groups: Vec<String> = parts
        .chunks(size)
        .map(|group| format!("({})", joined(group, glue)))
        .collect();
    groups.join(glue)
}
