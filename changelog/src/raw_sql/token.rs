//! What the lexer hands on: tokens, and the way in which they were read.
//!
//! Guarantees nothing beyond what its fields say; it must not know how tokens are found.

use crate::database::{Escapes, Syntax};

/// One way to read a text: the server's syntax, and whether `\` takes the next sign out of effect.
#[derive(Clone, Copy)]
pub(super) struct ReadAs {
    pub(super) syntax: &'static Syntax,
    pub(super) escapes: Escapes,
}

/// The text cannot be read with certainty.
#[derive(Debug)]
pub(super) struct Unlexable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word, keyword or name alike, or a number (MySQL has names like `1`).
    Word,
    /// A name in quotes, or what is one under some setting.
    Quoted,
    /// A string, its doubled quotes undone but not its escapes.
    Text,
    /// PostgreSQL's `E'x'`.
    EscapeText,
    /// PostgreSQL's `$x$ … $x$`, in which nothing is an escape.
    DollarText,
    /// Any other single sign; a bound parameter is `?`.
    Punct,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Number of the executable comment it stands in: the server may skip each of those.
    pub(super) conditional: Option<usize>,
}

impl Token {
    pub(super) fn is_punct(&self, sign: &str) -> bool {
        self.kind == Kind::Punct && self.text == sign
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Like [`Self::is_word`], for places where a name may as well be in quotes.
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted) && self.text.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::EscapeText | Kind::DollarText)
    }
}
