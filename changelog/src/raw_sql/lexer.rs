//! Cuts a SQL text into words, quoted names, strings and single characters, as one server would.
//!
//! No text makes it panic, and what it takes for a comment or a string is one on that server, if the server reads
//! as [`ReadAs`] says. A text that is unterminated, that versions of the server read differently, or that could
//! hide code is an error, never a guess.
//!
//! This module must not know statements, verbs or tables.

mod literals;

use super::token::{Kind, ReadAs, Token, Unlexable};
use crate::database::{Brackets, Dollars, Syntax};

pub(super) fn lex(sql: &str, read_as: ReadAs) -> Result<Vec<Token>, Unlexable> {
    // Servers differ on whether NUL ends the text, a comment or nothing.
    if sql.contains('\0') {
        return Err(Unlexable);
    }
    let mut lexer = Lexer {
        chars: sql.chars().collect(),
        at: 0,
        read_as,
        tokens: Vec::new(),
        conditional: None,
        comments: 0,
    };
    while let Some(c) = lexer.peek(0) {
        lexer.step(c)?;
    }
    match lexer.conditional {
        Some(_) => Err(Unlexable),
        None => Ok(lexer.tokens),
    }
}

/// Whether a character is part of a word. Space beyond ASCII and invisible characters are not: SQLite skips a byte
/// order mark as space, so a name next to one would not be recognised.
pub(super) fn is_word_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_' || c == '$';
    }
    let invisible = matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !(c.is_whitespace() || c.is_control() || invisible)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    read_as: ReadAs,
    tokens: Vec<Token>,
    conditional: Option<usize>,
    comments: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(ahead)).copied()
    }

    fn syntax(&self) -> &'static Syntax {
        self.read_as.syntax
    }

    fn push(&mut self, kind: Kind, text: String) {
        let conditional = self.conditional;
        self.tokens.push(Token {
            kind,
            text,
            conditional,
        });
    }

    fn step(&mut self, c: char) -> Result<(), Unlexable> {
        let next = self.peek(1);
        let syntax = self.syntax();
        match c {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => self.at += 1,
            '*' if self.conditional.is_some() && next == Some('/') => {
                self.at += 2;
                self.conditional = None;
            }
            '-' if next == Some('-') && self.dashes_comment()? => self.line_comment()?,
            '#' if syntax.hash_comments => self.line_comment()?,
            '/' if next == Some('*') => self.block_comment()?,
            '\'' => self.string(Kind::Text, self.read_as.escapes.single)?,
            '"' => self.quoted('"', self.read_as.escapes.double)?,
            '`' if syntax.backtick_names => self.quoted('`', false)?,
            '[' if syntax.brackets == Brackets::Name => self.quoted(']', false)?,
            '[' if syntax.brackets == Brackets::Unclear => return Err(Unlexable),
            '$' if syntax.dollars == Dollars::Strings => self.dollar()?,
            '$' if syntax.dollars == Dollars::Unclear => return Err(Unlexable),
            '$' | '@' | ':' | '#' if syntax.dollars == Dollars::Parameters => {
                self.sqlite_parameter()?;
            }
            '`' | '\\' => return Err(Unlexable),
            // Within an executable comment it may or may not end the statement.
            ';' if self.conditional.is_some() => return Err(Unlexable),
            c if c.is_ascii_digit() => self.number()?,
            c if is_word_char(c) => self.word()?,
            c if c.is_ascii_punctuation() => {
                self.at += 1;
                self.push(Kind::Punct, c.to_string());
            }
            _ => return Err(Unlexable),
        }
        Ok(())
    }

    /// Whether `--` starts a comment here: on MariaDB only if space follows, or the end.
    fn dashes_comment(&self) -> Result<bool, Unlexable> {
        match self.peek(2) {
            Some(c) if self.syntax().dashes_need_space => match c {
                _ if c.is_ascii_whitespace() || c.is_ascii_control() => Ok(true),
                // Two minus signs, as in `5--3`.
                '0'..='9' => Ok(false),
                // This is code, too, but was more likely meant as a comment; and what counts as space beyond
                // ASCII depends on the connection's character set.
                _ => Err(Unlexable),
            },
            _ => Ok(true),
        }
    }

    fn line_comment(&mut self) -> Result<(), Unlexable> {
        if self.conditional.is_some() {
            return Err(Unlexable);
        }
        while let Some(c) = self.peek(0) {
            if c == '\n' || (c == '\r' && self.syntax().return_ends_comment) {
                break;
            }
            self.at += 1;
        }
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Unlexable> {
        // A comment within an executable one ends at another place if the server skips the outer one.
        if self.conditional.is_some() {
            return Err(Unlexable);
        }
        if self.syntax().executable_comments {
            match (self.peek(2), self.peek(3)) {
                (Some('!'), _) => return self.open_executable(3),
                (Some('M' | 'm'), Some('!')) => return self.open_executable(4),
                _ => {}
            }
        }
        // An optimizer hint may have quotes, within which `*/` does not end it.
        let hint = self.syntax().executable_comments && self.peek(2) == Some('+');
        self.at += 2;
        let mut depth = 1_usize;
        while depth > 0 {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return Err(Unlexable),
                (Some('\'' | '"' | '`'), _) if hint => return Err(Unlexable),
                (Some('*'), Some('/')) => {
                    self.at += 2;
                    depth -= 1;
                }
                (Some('/'), Some('*')) if self.syntax().nested_comments => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    /// MySQL's `/*!50000 … */`: what follows is code up to `*/`, on servers of that version.
    fn open_executable(&mut self, opening: usize) -> Result<(), Unlexable> {
        self.at += opening;
        let mut digits = 0_usize;
        while self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            digits += 1;
        }
        // Servers disagree on where a version number of another length ends and the code begins.
        let spaced = self.peek(0).is_some_and(|c| c.is_ascii_whitespace());
        if !(digits == 0 || digits == 5 || (digits == 6 && spaced)) {
            return Err(Unlexable);
        }
        self.comments += 1;
        self.conditional = Some(self.comments);
        Ok(())
    }
}
