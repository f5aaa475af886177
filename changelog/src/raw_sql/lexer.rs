//! Cuts a SQL text into words, quoted names, strings and single signs, as one server would.
//!
//! Guarantees that no text panics, and that what it calls comment or string is so on that server
//! under the given [`Dialect`]. Whatever is unterminated, is read differently by different versions
//! or could hide code is an error, never a guess.
//!
//! It must not know statements, verbs or tables.

mod literals;

use sea_orm::DbBackend;

use super::token::{Dialect, Kind, Token, Unlexable};

pub(super) fn lex(sql: &str, dialect: Dialect) -> Result<Vec<Token>, Unlexable> {
    // Servers differ on whether NUL ends the text, a comment or nothing.
    if sql.contains('\0') {
        return Err(Unlexable);
    }
    let mut lexer = Lexer {
        chars: sql.chars().collect(),
        at: 0,
        dialect,
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

/// Part of a word. Non-ASCII space and invisible signs are not: SQLite skips a byte order mark as
/// space, so a name next to one would not be recognised.
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
    dialect: Dialect,
    tokens: Vec<Token>,
    conditional: Option<usize>,
    comments: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(ahead)).copied()
    }

    fn on(&self, backend: DbBackend) -> bool {
        self.dialect.backend == backend
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
        match c {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => self.at += 1,
            '*' if self.conditional.is_some() && next == Some('/') => {
                self.at += 2;
                self.conditional = None;
            }
            '-' if next == Some('-') && self.dashes_comment()? => self.line_comment()?,
            '#' if self.on(DbBackend::MySql) => self.line_comment()?,
            '/' if next == Some('*') => self.block_comment()?,
            '\'' => self.string(Kind::Text, self.dialect.single_escapes)?,
            '"' => self.quoted('"', self.dialect.double_escapes)?,
            // An operator sign on PostgreSQL, where it would quote nothing.
            '`' if !self.on(DbBackend::Postgres) => self.quoted('`', false)?,
            '[' if self.on(DbBackend::Sqlite) => self.quoted(']', false)?,
            // MariaDB quotes names with it in one SQL mode; elsewhere in MySQL it is an error.
            '[' if self.on(DbBackend::MySql) => return Err(Unlexable),
            '$' if self.on(DbBackend::Postgres) => self.dollar()?,
            // A name on old servers, a quote on new ones.
            '$' if self.on(DbBackend::MySql) => return Err(Unlexable),
            '$' | '@' | ':' | '#' if self.on(DbBackend::Sqlite) => self.sqlite_parameter()?,
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

    /// Whether `--` starts a comment here: on MySQL only if space follows, or the end.
    fn dashes_comment(&self) -> Result<bool, Unlexable> {
        match self.peek(2) {
            Some(c) if self.on(DbBackend::MySql) => match c {
                _ if c.is_ascii_whitespace() || c.is_ascii_control() => Ok(true),
                // Two minus signs, as in `5--3`.
                '0'..='9' => Ok(false),
                // Code too, but more likely meant as a comment; and what is space beyond ASCII
                // hangs on the connection's character set.
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
            if c == '\n' || (c == '\r' && self.on(DbBackend::Postgres)) {
                break;
            }
            self.at += 1;
        }
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Unlexable> {
        // A comment within an executable one ends elsewhere if the server skips the outer one.
        if self.conditional.is_some() {
            return Err(Unlexable);
        }
        if self.on(DbBackend::MySql) {
            match (self.peek(2), self.peek(3)) {
                (Some('!'), _) => return self.open_executable(3),
                (Some('M' | 'm'), Some('!')) => return self.open_executable(4),
                _ => {}
            }
        }
        // An optimizer hint has quotes of its own, in which `*/` does not end it.
        let hint = self.on(DbBackend::MySql) && self.peek(2) == Some('+');
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
                (Some('/'), Some('*')) if self.on(DbBackend::Postgres) => {
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
        // Servers disagree on where a version of another length ends and the code begins.
        let spaced = self.peek(0).is_some_and(|c| c.is_ascii_whitespace());
        if !(digits == 0 || digits == 5 || (digits == 6 && spaced)) {
            return Err(Unlexable);
        }
        self.comments += 1;
        self.conditional = Some(self.comments);
        Ok(())
    }
}
