//! The tokens that the lexer finds, and the way in which it reads.
//!
//! This module must not know how tokens are found.

use crate::database::{Escapes, Syntax};

/// One way to read a text: the server's syntax, and whether `\` escapes the next character.
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
    /// A bare word, whether keyword or name, or a number (MySQL has names like `1`).
    Word,
    /// A name in quotes, or what is a name under some setting.
    Quoted,
    /// A string, in which doubled quotes are undone but escapes are not.
    Text,
    /// PostgreSQL's `E'x'`.
    EscapeText,
    /// PostgreSQL's `$x$ … $x$`, in which nothing is an escape.
    DollarText,
    /// Any other single character; a bound parameter is `?`.
    Punct,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The number of the executable comment in which it stands. The server may skip each of those.
    pub(super) conditional: Option<usize>,
}

impl Token {
    pub(super) fn is_punct(&self, sign: &str) -> bool {
        self.kind == Kind::Punct && self.text == sign
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Like [`Self::is_word`], for places where a name may also be in quotes.
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted) && self.text.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::EscapeText | Kind::DollarText)
    }
}
