//! A second attempt at a request that no JSON reader accepts: if it fails because of values in rows of a
//! push, these are marked, and the rest of the request can be read.
//!
//! Guarantees that nothing else is changed, and that time and memory grow only with the text's length,
//! however it is nested. Whether the rest is valid JSON is left to its reader.

use crate::graphql::unreadable::{DEEP, NESTED, mark, mark_member};

/// The fields of a push that contain a row.
const ROWS: [&str; 2] = ["newDocumentState", "assumedMasterState"];

/// The deepest level of a request at which the rows of a push may be.
const LEVELS: usize = 8;

const BROKEN: &str = "it has half of a surrogate pair, which is not text";
const BROKEN_NAME: &str = "its name has half of a surrogate pair, which is not text";
const TOO_LARGE: &str = "it has a number out of range";

/// The request with marks in place of unreadable values; `None` if there are none in rows of a push.
pub(in crate::server) fn marked(request: &str) -> Option<String> {
    let mut scanner = Scanner {
        text: request,
        at: 0,
        out: String::new(),
        copied: 0,
    };
    scanner.value(0)?;
    if scanner.copied == 0 {
        return None;
    }
    scanner.out.push_str(&request[scanner.copied..]);
    Some(scanner.out)
}

/// The name of a member.
#[derive(Clone, Copy)]
struct Name<'a> {
    /// The name as it is written.
    text: &'a str,
    /// Whether it can be read.
    is_text: bool,
    /// Where it begins.
    start: usize,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The text with marks, up to `copied` in the original.
    out: String,
    copied: usize,
}

/// Each step returns `None` if the text is not JSON.
impl<'a> Scanner<'a> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let is_wanted = self.peek()? == wanted;
        self.at += 1;
        is_wanted.then_some(())
    }

    /// A value that may contain rows.
    fn value(&mut self, level: usize) -> Option<()> {
        match self.peek()? {
            b'{' if level < LEVELS => self.members(|this, name| {
                if ROWS.contains(&name.text) && this.peek() == Some(b'{') {
                    this.row()
                } else {
                    this.value(level + 1)
                }
            }),
            b'[' if level < LEVELS => {
                self.at += 1;
                if self.peek()? == b']' {
                    self.at += 1;
                    return Some(());
                }
                loop {
                    self.value(level + 1)?;
                    match self.peek()? {
                        b',' => self.at += 1,
                        _ => return self.take(b']'),
                    }
                }
            }
            _ => self.skip().map(|_| ()),
        }
    }

    /// A row: unreadable values are marked, and so are members whose names are unreadable.
    fn row(&mut self) -> Option<()> {
        let begin = self.at;
        self.members(|this, name| {
            this.peek()?;
            let start = this.at;
            match this.skip()? {
                _ if !name.is_text => {
                    let text = &this.text[name.start..this.at];
                    this.put(
                        name.start,
                        &mark_member(BROKEN_NAME, text, name.start - begin),
                    );
                }
                Some(why) => this.put(start, &mark(why, &this.text[start..this.at])),
                None => {}
            }
            Some(())
        })
    }

    /// Replaces what has been read since `start` with a mark.
    fn put(&mut self, start: usize, mark: &str) {
        self.out.push_str(&self.text[self.copied..start]);
        self.out.push_str(mark);
        self.copied = self.at;
    }

    /// The members of an object, each passed with its name.
    fn members(&mut self, mut member: impl FnMut(&mut Self, Name<'a>) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.peek()?;
            let start = self.at;
            let is_text = self.string()?;
            let name = Name {
                text: self.text.get(start + 1..self.at - 1)?,
                is_text,
                start,
            };
            self.take(b':')?;
            member(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    /// Skips a whole value; returns why it is unreadable, if it is.
    fn skip(&mut self) -> Option<Option<&'static str>> {
        let (mut depth, mut fault) = (0_usize, None);
        loop {
            match self.peek()? {
                b'{' | b'[' => {
                    self.at += 1;
                    depth += 1;
                    if depth > NESTED {
                        fault = fault.or(Some(DEEP));
                    }
                }
                b'}' | b']' => {
                    self.at += 1;
                    depth = depth.checked_sub(1)?;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b'"' => {
                    if !self.string()? {
                        fault = fault.or(Some(BROKEN));
                    }
                }
                _ => {
                    if !self.word()? {
                        fault = fault.or(Some(TOO_LARGE));
                    }
                }
            }
            if depth == 0 {
                return Some(fault);
            }
        }
    }

    /// Skips a string; returns whether it is readable text.
    fn string(&mut self) -> Option<bool> {
        self.take(b'"')?;
        let (bytes, mut is_text) = (self.text.as_bytes(), true);
        loop {
            match *bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(is_text);
                }
                b'\\' if bytes.get(self.at + 1) == Some(&b'u') => {
                    let unit = self.unit(self.at)?;
                    self.at += 6;
                    match unit {
                        0xd800..=0xdbff => match self.unit(self.at) {
                            Some(0xdc00..=0xdfff) => self.at += 6,
                            _ => is_text = false,
                        },
                        0xdc00..=0xdfff => is_text = false,
                        _ => {}
                    }
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// The UTF-16 unit that is escaped at this place.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Skips a number or a word; returns whether it is in range.
    fn word(&mut self) -> Option<bool> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_of_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(is_of_word).count();
        let word = self
            .text
            .get(self.at..self.at + length)
            .filter(|word| !word.is_empty())?;
        self.at += length;
        // `Infinity` is excluded, because it is not JSON.
        let is_number = word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        Some(!(is_number && word.parse::<f64>().is_ok_and(f64::is_infinite)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn request(value: &str) -> String {
        format!(
            r#"{{"query": "mutation {{ pushTask }}", "variables": {{"rows": [
                {{"newDocumentState": {{"id": "1", "title": "sound"}}}},
                {{"assumedMasterState": null, "newDocumentState": {{"id": "2", "title": {value}}}}}]}}}}"#
        )
    }

    #[test]
    fn what_cannot_be_read_is_marked_and_nothing_else() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        for value in [
            r#""cut \ud83d""#,
            r#""\ude00 cut""#,
            r#""\ud83d\ud83d""#,
            r#"{"a": ["\ud83d"]}"#,
            r#"{"\ud83d": 1}"#,
            "1e400",
            "-1e400",
            r#"{"a": [1, 1e999]}"#,
            &deep,
        ] {
            let request = request(value);
            assert!(serde_json::from_str::<Json>(&request).is_err(), "{value}");
            let marked = marked(&request).unwrap_or_default();
            let read: Json = serde_json::from_str(&marked).unwrap_or_default();
            let rows = &read["variables"]["rows"];
            assert_eq!(rows[0]["newDocumentState"]["title"], "sound");
            assert_eq!(rows[1]["newDocumentState"]["id"], "2");
            assert!(rows[1]["newDocumentState"]["title"].is_object(), "{value}");
        }
    }

    #[test]
    fn members_whose_names_cannot_be_read_are_marked() {
        let request = request(r#""t", "\ud83d": 1, "\udc00" : ["\ud83d"], "sound": "s""#);
        assert!(serde_json::from_str::<Json>(&request).is_err());
        let marked = marked(&request).unwrap_or_default();
        let read: Json = serde_json::from_str(&marked).unwrap_or_default();
        let row = read["variables"]["rows"][1]["newDocumentState"].as_object();
        let row = row.cloned().unwrap_or_default();
        assert_eq!((&row["title"], &row["sound"]), (&"t".into(), &"s".into()));
        assert_eq!(row.len(), 5, "{row:?}");
        assert_eq!(row.values().filter(|value| value.is_object()).count(), 2);
    }

    #[test]
    fn what_can_be_read_stays() {
        for value in [
            r#""\ud83d\ude00 \\ud83d \" \u0000""#,
            "1e300",
            "null",
            r#"{"a": [true, {}, []]}"#,
        ] {
            assert_eq!(marked(&request(value)), None, "{value}");
        }
    }

    #[test]
    fn other_requests_stay() {
        let endless = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "\"",
            "\"\\u",
            r#"{"query": "\ud83d"}"#,
            r#"{"variables": {"title": "\ud83d"}}"#,
            r#"{"newDocumentState": {"a": "\ud83d"#,
            r#"{"newDocumentState": {"a": ]}}"#,
            r#"{"newDocumentState": "\ud83d"}"#,
            &endless,
        ] {
            assert_eq!(marked(text), None, "{text:.80}");
        }
    }
}
