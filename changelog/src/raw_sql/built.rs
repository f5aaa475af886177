//! What the text of a query builder does besides what the builder's audit says: what becomes of rows that an
//! INSERT finds, and which columns an UPDATE assigns.
//!
//! Builders quote each name, so a keyword is a bare word.

use super::token::{Kind, Token};

/// What an INSERT may do to rows that it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InsertEffects {
    /// A row in the way is deleted first.
    pub(crate) deletes: bool,
    /// A row in the way is updated.
    pub(crate) updates: bool,
}

impl InsertEffects {
    /// What a text may do that cannot be read.
    pub(super) const ANY: Self = Self {
        deletes: true,
        updates: true,
    };

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            deletes: self.deletes || other.deletes,
            updates: self.updates || other.updates,
        }
    }
}

/// The words that begin an upsert's assignments.
const UPSERTS: [&[&str]; 2] = [
    &["do", "update", "set"],
    &["on", "duplicate", "key", "update"],
];

/// Whether a text may have effects besides inserting: it has one of the words that all such statements have.
/// This is cheaper to test than to read the text.
pub(super) fn may_have_effects(sql: &str) -> bool {
    has_word(sql, b"update") || has_word(sql, b"replace")
}

/// Whether the letters of the word stand in the text by themselves, and not as part of a longer name.
fn has_word(sql: &str, word: &[u8]) -> bool {
    let bytes = sql.as_bytes();
    let starts_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte == b'$';
    let goes_on = |byte: &u8| starts_name(byte) || byte.is_ascii_digit();
    bytes.windows(word.len()).enumerate().any(|(at, found)| {
        found.eq_ignore_ascii_case(word)
            && !at
                .checked_sub(1)
                .is_some_and(|before| starts_name(&bytes[before]))
            && !bytes.get(at + word.len()).is_some_and(goes_on)
    })
}

/// What a built INSERT does to rows that it finds.
pub(super) fn insert_effects(tokens: &[Token]) -> InsertEffects {
    let first = tokens.first();
    InsertEffects {
        deletes: first.is_some_and(|first| first.is_word("replace"))
            || position(tokens, &["replace", "into"]).is_some(),
        updates: upsert(tokens).is_some(),
    }
}

/// Whether a built UPDATE or upsert assigns the column, whose name is in lower case: the column stands, quoted,
/// before an equals sign and before the statement's own WHERE. A comparison within a value counts, too.
pub(super) fn assigns(tokens: &[Token], column: &str) -> bool {
    let tokens = &tokens[upsert(tokens).unwrap_or(0)..];
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_punct("(") {
            depth += 1;
        } else if token.is_punct(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_word("where") {
            return false;
        }
        let is_column = token.kind == Kind::Quoted && token.text.to_lowercase() == column;
        if is_column && tokens.get(at + 1).is_some_and(|next| next.is_punct("=")) {
            return true;
        }
    }
    false
}

/// What becomes of an announced INSERT whose row is there already. Its hook will record an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// The statement fails or leaves the row alone.
    Kept,
    /// The statement is for one row and sets its columns to themselves, which is how builders leave a row alone on
    /// MariaDB. Its result does not say whether the row was inserted.
    SetToItself,
    /// The row is written.
    Written,
}

/// What a built INSERT does to a row that it finds.
pub(super) fn existing(tokens: &[Token]) -> Existing {
    let effects = insert_effects(tokens);
    if effects.deletes {
        return Existing::Written;
    }
    match position(tokens, UPSERTS[1]) {
        Some(at)
            if is_of_one_row(&tokens[..at]) && sets_to_itself(&tokens[at + UPSERTS[1].len()..]) =>
        {
            Existing::SetToItself
        }
        _ if effects.updates => Existing::Written,
        _ => Existing::Kept,
    }
}

/// Whether an INSERT names the values of one row.
fn is_of_one_row(tokens: &[Token]) -> bool {
    let Some(at) = position(tokens, &["values"]) else {
        return false;
    };
    let mut depth = 0_usize;
    let rows = tokens[at..].iter().filter(|token| {
        if token.is_punct("(") {
            depth += 1;
            return depth == 1;
        }
        if token.is_punct(")") {
            depth = depth.saturating_sub(1);
        }
        false
    });
    rows.count() == 1
}

/// Whether the tokens, up to the last, assign columns to themselves.
fn sets_to_itself(tokens: &[Token]) -> bool {
    tokens.split(|token| token.is_punct(",")).all(|assignment| {
        let [column, equals, value] = assignment else {
            return false;
        };
        let is_quoted = column.kind == Kind::Quoted && value.kind == Kind::Quoted;
        is_quoted && equals.is_punct("=") && column.text == value.text
    })
}

/// Where an upsert's assignments begin.
fn upsert(tokens: &[Token]) -> Option<usize> {
    UPSERTS.iter().find_map(|words| position(tokens, words))
}

/// Where the words first stand side by side.
fn position(tokens: &[Token], words: &[&str]) -> Option<usize> {
    tokens.windows(words.len()).position(|found| {
        let mut pairs = found.iter().zip(words);
        pairs.all(|(token, word)| token.is_word(word))
    })
}
