//! Values of pushed rows that no JSON reader takes: half of a surrogate pair, a number out of range, unbounded
//! nesting. A request with such a value would be refused as a whole, and a client of sync would send it for
//! ever.
//!
//! The server replaces such a value by a mark that contains its text. Reading a push finds the mark and refuses
//! that row alone. The mark's name is a secret of the process, so that no client can send one.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// How deep a JSON value of a document may be nested. JSON readers stop a little beyond this, and documents are
/// read as parts of larger values.
pub(crate) const NESTED: usize = 100;

/// The name under which the inbox shows text that could not be read.
const SHOWN: &str = "$unreadable";

static MARK: LazyLock<String> = LazyLock::new(|| Uuid::new_v4().to_string());

/// The mark that replaces a value with this text, as JSON.
pub(crate) fn mark(why: &str, text: &str) -> String {
    json!({ MARK.as_str(): [why, text] }).to_string()
}

/// The mark that replaces a member whose name is not a text: a member with a valid name, and the whole text.
/// `number` distinguishes the marks of one row.
pub(crate) fn mark_member(why: &str, text: &str, number: usize) -> String {
    format!("\"{SHOWN} {number}\": {}", mark(why, text))
}

/// Whether a value shows the text of one that could not be read, or the beginning of one that was too large.
pub(super) fn is_unreadable(value: &Json) -> bool {
    value
        .as_object()
        .is_some_and(|shown| shown.contains_key(SHOWN))
}

/// Size of a value, in bytes of JSON, above which only its beginning is kept if the document is too large for
/// the inbox.
const LONG: usize = 1024;

/// Size of that beginning, in bytes.
const BEGINNING: usize = 200;

/// The document with each long value replaced by its beginning.
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

/// Replaces the marks in a document's fields by the values' texts. Returns which field cannot be read, and why.
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

/// Whether a value is nested no deeper than allowed.
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
        // An object of a client with the same name is data.
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
