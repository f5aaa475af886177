//! Values of pushed rows that no JSON reader takes: half of a surrogate pair, a number out of range, nesting
//! without end. A request with one would be refused as a whole, and a client of sync would send it for ever.
//!
//! The server puts a mark in the place of such a value, with its text; reading a push finds the mark and
//! refuses that row alone. The mark's name is a secret of the process, so that no client can send one.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// The most that a JSON value of a document is nested. Readers of JSON stop a little beyond, and documents
/// are read inside of other things.
pub(crate) const NESTED: usize = 100;

/// Under this name the inbox shows the text of what could not be read.
const SHOWN: &str = "$unreadable";

static MARK: LazyLock<String> = LazyLock::new(|| Uuid::new_v4().to_string());

/// What is put in the place of a value with this text, as JSON.
pub(crate) fn mark(why: &str, text: &str) -> String {
    json!({ MARK.as_str(): [why, text] }).to_string()
}

/// What is put in the place of a member whose name is no text: a member with a name that is, and all of the
/// text. `number` tells those of one row apart.
pub(crate) fn mark_member(why: &str, text: &str, number: usize) -> String {
    format!("\"{SHOWN} {number}\": {}", mark(why, text))
}

/// Whether a value shows the text of one that could not be read, or the beginning of one that was too large.
pub(super) fn is_unreadable(value: &Json) -> bool {
    value
        .as_object()
        .is_some_and(|shown| shown.contains_key(SHOWN))
}

/// Bytes of a value, as JSON, beyond which a document that is too large for the inbox has its beginning only.
const LONG: usize = 1024;

/// Bytes of that beginning.
const BEGINNING: usize = 200;

/// The document with the beginnings of its long values in their places.
pub(super) fn shortened(document: &Json) -> Json {
    let Json::Object(fields) = document else {
        return document.clone();
    };
    let fields = fields.iter().map(|(field, value)| {
        let text = value.to_string();
        if text.len() <= LONG {
            return (field.clone(), value.clone());
        }
        let beginning = &text[..text.floor_char_boundary(BEGINNING)];
        let shown = format!("{beginning}… ({} bytes)", text.len());
        (field.clone(), json!({ SHOWN: shown }))
    });
    Json::Object(fields.collect())
}

/// Takes the marks out of a document's fields, in whose places the values' texts remain; says which field
/// cannot be read, and why.
pub(super) fn unmark(document: &mut Map<String, Json>) -> Option<String> {
    let mut fault = None;
    for (field, value) in document {
        let marked = value.as_object().and_then(|object| object.get(&*MARK));
        if let Some([Json::String(why), text]) = marked.and_then(Json::as_array).map(Vec::as_slice)
        {
            fault.get_or_insert_with(|| format!("`{field}` cannot be stored: {why}"));
            *value = json!({ SHOWN: text });
        } else if !is_shallow(value) {
            fault.get_or_insert_with(|| format!("`{field}` cannot be stored: {DEEP}"));
            *value = json!({ SHOWN: value.to_string() });
        }
    }
    fault
}

/// Why a value that is nested too deep cannot be stored.
pub(crate) const DEEP: &str = "it is nested too deep";

/// Whether a value is nested no deeper than it may be. What was read has an end.
fn is_shallow(value: &Json) -> bool {
    let mut level = vec![value];
    for _ in 0..=NESTED {
        let inner = level.into_iter().flat_map(|value| match value {
            Json::Array(items) => items.iter().collect::<Vec<_>>(),
            Json::Object(fields) => fields.values().collect(),
            _ => Vec::new(),
        });
        level = inner.collect();
        if level.is_empty() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_out() {
        let mut document = Map::new();
        document.insert("id".to_owned(), json!(1));
        assert_eq!(unmark(&mut document), None);
        let marked = serde_json::from_str(&mark("why", "\"cut \\ud83d\"")).unwrap_or_default();
        document.insert("title".to_owned(), marked);
        let fault = unmark(&mut document);
        assert_eq!(fault.as_deref(), Some("`title` cannot be stored: why"));
        assert_eq!(
            document["title"],
            json!({ "$unreadable": "\"cut \\ud83d\"" })
        );
        // Another's is data.
        let mut document = Map::new();
        document.insert("details".to_owned(), json!({ "$unreadable": "x" }));
        assert_eq!(unmark(&mut document), None);
    }

    #[test]
    fn long_values_are_shortened() {
        let short = shortened(&json!({ "id": 1, "body": "ä".repeat(1_000), "title": "t" }));
        assert_eq!(short["id"], 1);
        assert_eq!(short["title"], "t");
        assert!(is_unreadable(&short["body"]));
        let shown = short["body"][SHOWN].as_str().unwrap_or_default();
        assert!(shown.starts_with("\"ää"), "{shown}");
        assert!(shown.ends_with("ä… (2002 bytes)"), "{shown}");
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!([value]));
        assert!(is_shallow(&nested(NESTED)));
        assert!(!is_shallow(&nested(NESTED + 1)));
    }
}
