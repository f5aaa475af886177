//! Text, bytes, uuids and JSON at their extremes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::prelude::{TextUuid, Uuid};
use serde_json::{Value as Json, json};

use super::sample::Sample;

/// Text of a length that no short column holds.
const LONG: usize = 1024 * 1024;

/// What breaks quoting, trimming, folding and counting.
const TRICKY: [&str; 7] = [
    "",
    " both ends ",
    "O'Brien \"said\" \\ `so`; -- /* %_$1 ?",
    "line\r\nline\ttab\u{1b}\u{7f}",
    "Ünïcödé ﬁ e\u{301} ﷺ 日本語",
    "🦀 \u{10ffff} \u{feff}\u{202e}",
    "NULL",
];

/// Up to 40 characters.
pub fn short_texts() -> Vec<Sample> {
    TRICKY.map(|text| Sample::new(text, text)).into()
}

/// A megabyte of characters of one to four bytes.
pub fn long_text() -> Sample {
    let text: String = "aé日🦀".chars().cycle().take(LONG * 2 / 5 + 4).collect();
    assert!(text.len() >= LONG, "{}", text.len());
    Sample::new(text.as_str(), text.as_str())
}

/// A megabyte of every byte.
pub fn long_binary() -> Sample {
    bytes((0..=255).cycle().take(LONG).collect())
}

/// A text with a zero character, which PostgreSQL does not store.
pub fn zero_character() -> Sample {
    Sample::new("a\0b", "a\0b")
}

/// Exactly five characters.
pub fn fixed_texts() -> Vec<Sample> {
    ["abcde", "日本語🦀é", "a'\"\\%"]
        .map(|text| Sample::new(text, text))
        .into()
}

fn bytes(bytes: Vec<u8>) -> Sample {
    let image = STANDARD.encode(&bytes);
    Sample::new(bytes, image)
}

/// Up to 300 bytes: none, each one, what is no UTF-8.
pub fn binaries() -> Vec<Sample> {
    vec![
        Sample::new(Vec::<u8>::new(), ""),
        bytes((0..=255).collect()),
        Sample::new(vec![0xff_u8, 0xfe, 0x00], "//4A"),
        Sample::new(b"text".to_vec(), "dGV4dA=="),
    ]
}

/// Exactly four bytes.
pub fn fixed_binaries() -> Vec<Sample> {
    vec![
        Sample::new(vec![0_u8; 4], "AAAAAA=="),
        Sample::new(vec![0xff_u8; 4], "/////w=="),
        Sample::new(vec![0_u8, 1, 0x80, 0x20], "AAGAIA=="),
    ]
}

/// The first, the last, and one in between.
const UUIDS: [(u128, &str); 3] = [
    (0, "00000000-0000-0000-0000-000000000000"),
    (u128::MAX, "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    (
        0x0192_3e5a_b7c4_7def_8123_4567_89ab_cdef,
        "01923e5a-b7c4-7def-8123-456789abcdef",
    ),
];

/// As 16 bytes.
pub fn uuids() -> Vec<Sample> {
    UUIDS
        .map(|(value, text)| Sample::new(Uuid::from_u128(value), text))
        .into()
}

/// As text.
pub fn text_uuids() -> Vec<Sample> {
    UUIDS
        .map(|(value, text)| Sample::new(TextUuid(Uuid::from_u128(value)), text))
        .into()
}

fn document(value: Json) -> Sample {
    Sample::new(value.clone(), value)
}

/// Documents that every JSON type keeps, one of so many levels.
pub fn documents(depth: usize) -> Vec<Sample> {
    vec![
        document(json!({
            "": { "a b": [[], {}, [null, true, false]], "quote\"": "\\ \u{8} 🦀", "é": "日本" },
            "int": [i64::MIN, i64::MAX, u64::MAX, 0],
            "float": [0.1, 5e-324, 1.797_693_134_862_315_7e308, -1.5],
        })),
        document(json!({})),
        document(json!([])),
        document(json!("")),
        document(json!(false)),
        document(json!(-1)),
        document(nested(depth)),
    ]
}

/// Documents that a JSON type keeps only if it keeps the text.
pub fn exact_documents(depth: usize) -> Vec<Sample> {
    let mut samples = documents(depth);
    samples.push(document(
        json!({ "zero": -0.0, "nul": "\0", "whole": 1.0, "large": 1e300 }),
    ));
    samples
}

/// Documents as they come through `jsonb`, which sqlx declares every JSON parameter to be: a zero
/// loses its sign.
pub fn binary_documents(depth: usize) -> Vec<Sample> {
    let mut samples = documents(depth);
    let stored = json!({ "zero": 0.0, "whole": 1.0, "large": 1e300 });
    let written = json!({ "zero": -0.0, "whole": 1.0, "large": 1e300 });
    samples.push(Sample::new(written, stored.clone()).stored(stored));
    samples
}

/// An array in an array in an array …
pub fn nested(levels: usize) -> Json {
    (1..levels).fold(json!([]), |inner, _| json!([inner]))
}
