//! Values that may be the same to the database.
//!
//! Under many collations `A` equals `a`, and `é` equals `e`; which of them a column has, a caller of the
//! service need not know, and for most only the database can say what is equal. So values are alike here that
//! are the same but for case, accents and spaces at the end. More values are alike than are equal: good
//! enough for a guess that the database then judges, and for nothing else.

use std::collections::HashMap;

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Rows, by their places in a list, by values that they have in common.
#[derive(Default)]
pub(super) struct SimilarValues<'a>(HashMap<String, Vec<(usize, &'a Json)>>);

impl<'a> SimilarValues<'a> {
    pub(super) fn add(&mut self, value: &'a Json, at: usize) {
        self.0.entry(folded(value)).or_default().push((at, value));
    }

    /// The rows with a value that is like this one.
    pub(super) fn of(&self, value: &Json) -> impl Iterator<Item = usize> {
        self.found(value).iter().map(|(at, _)| *at)
    }

    /// The only row with this very value or, where none has it, the only one with a value like it.
    pub(super) fn only(&self, value: &Json) -> Option<usize> {
        let found = self.found(value);
        let mut exact = found.iter().filter(|(_, other)| *other == value);
        match (exact.next(), exact.next(), found) {
            (Some((at, _)), None, _) | (None, _, [(at, _)]) => Some(*at),
            _ => None,
        }
    }

    fn found(&self, value: &Json) -> &[(usize, &'a Json)] {
        self.0.get(&folded(value)).map_or(&[], Vec::as_slice)
    }
}

/// The same for values that are alike.
fn folded(value: &Json) -> String {
    let Json::String(text) = value else {
        return value.to_string();
    };
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    let letters: String = letters.flat_map(char::to_lowercase).collect();
    // In quotes, as a text is not the number that it spells.
    format!("{:?}", letters.trim_end_matches(' '))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_alike() {
        for (one, other, are_alike) in [
            (json!("A"), json!("a"), true),
            (json!("Y "), json!("y"), true),
            (json!("\u{c9}t\u{e9}"), json!("ete"), true),
            (json!(" a"), json!("a"), false),
            (json!("a"), json!("b"), false),
            (json!("5"), json!(5), false),
            (json!(5), json!(5), true),
        ] {
            assert_eq!(folded(&one) == folded(&other), are_alike, "{one} {other}");
        }
    }

    #[test]
    fn the_very_value_counts_more_than_one_like_it() {
        let (small, capital) = (json!("a"), json!("A"));
        let mut alike = SimilarValues::default();
        alike.add(&small, 1);
        assert_eq!(alike.only(&capital), Some(1));
        alike.add(&capital, 2);
        assert_eq!(alike.only(&capital), Some(2));
        assert_eq!(alike.only(&json!("A ")), None);
        assert_eq!(alike.of(&small).collect::<Vec<_>>(), [1, 2]);
        alike.add(&capital, 3);
        assert_eq!(alike.only(&capital), None);
    }
}
