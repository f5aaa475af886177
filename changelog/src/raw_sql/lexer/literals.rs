//! Reads words, names in quotes, strings, numbers and parameters, in which servers differ most.
//!
//! Each method moves past what it has read, or fails. This module must not know comments or statements.

use super::super::token::{Kind, Unlexable};
use super::{Lexer, is_word_char};

impl Lexer {
    /// Reads from the opening quote under the cursor past the closing one.
    fn delimited(&mut self, close: char, escapes: bool) -> Result<String, Unlexable> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.peek(0).ok_or(Unlexable)?;
            self.at += 1;
            if c == close {
                // SQLite ends `[x]` at the first `]`.
                if close == ']' || self.peek(0) != Some(close) {
                    break;
                }
                self.at += 1;
            } else if c == '\\' && escapes {
                text.push(c);
                text.push(self.peek(0).ok_or(Unlexable)?);
                self.at += 1;
                continue;
            }
            text.push(c);
        }
        // A server that skips the executable comment around the quotes looks for marks within them, too.
        let raw = self.chars.get(start..self.at).unwrap_or_default();
        let marks = raw
            .windows(2)
            .any(|pair| matches!(pair, ['*', '/'] | ['/', '*']));
        if self.conditional.is_some() && marks {
            return Err(Unlexable);
        }
        Ok(text)
    }

    pub(super) fn quoted(&mut self, close: char, escapes: bool) -> Result<(), Unlexable> {
        let text = self.delimited(close, escapes)?;
        self.push(Kind::Quoted, text);
        Ok(())
    }

    pub(super) fn string(&mut self, kind: Kind, escapes: bool) -> Result<(), Unlexable> {
        // After a line break PostgreSQL continues the previous string, including its escapes.
        let goes_on = self
            .tokens
            .last()
            .is_some_and(|last| last.kind == Kind::EscapeText);
        if goes_on {
            return Err(Unlexable);
        }
        let text = self.delimited('\'', escapes)?;
        self.push(kind, text);
        Ok(())
    }

    pub(super) fn word(&mut self) -> Result<(), Unlexable> {
        let text = self.take_word();
        let quote_follows = self.peek(0) == Some('\'');
        if self.syntax().escape_strings {
            if text.eq_ignore_ascii_case("e") && quote_follows {
                return self.string(Kind::EscapeText, true);
            }
            // U&"x" can spell any name with escapes.
            let unicode = self.peek(0) == Some('&') && self.peek(1) == Some('"');
            if text.eq_ignore_ascii_case("u") && unicode {
                return Err(Unlexable);
            }
        }
        let bits = text.eq_ignore_ascii_case("b") || text.eq_ignore_ascii_case("x");
        if bits && quote_follows {
            // Here nothing is an escape under any setting, so a backslash would make the readings wrong.
            let digits = self.delimited('\'', false)?;
            if digits.contains('\\') {
                return Err(Unlexable);
            }
            self.push(Kind::Text, digits);
            return Ok(());
        }
        self.push(Kind::Word, text);
        Ok(())
    }

    fn take_word(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| is_word_char(*c)) {
            self.at += 1;
            text.push(c);
        }
        text
    }

    /// Reads a number, and fails if something follows it directly: each server cuts `1e5INTO` into number and
    /// keyword in its own way.
    pub(super) fn number(&mut self) -> Result<(), Unlexable> {
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            let next = self.peek(1);
            let point = c == '.' && next != Some('.') && !text.contains('.');
            let sign = matches!(c, '+' | '-')
                && text.ends_with(['e', 'E'])
                && !text.starts_with("0x")
                && next.is_some_and(|n| n.is_ascii_digit());
            if !(is_word_char(c) || point || sign) {
                break;
            }
            self.at += 1;
            text.push(c);
        }
        if !is_number(&text) || matches!(self.peek(0), Some('\'' | '"' | '`')) {
            return Err(Unlexable);
        }
        self.push(Kind::Word, text);
        Ok(())
    }

    /// PostgreSQL: a parameter `$1`, or a string between two equal `$tag$`.
    pub(super) fn dollar(&mut self) -> Result<(), Unlexable> {
        let start = self.at;
        self.at += 1;
        let tag = self.take_word();
        if !tag.is_empty() && tag.chars().all(|c| c.is_ascii_digit()) {
            self.push(Kind::Punct, "?".to_owned());
            return match self.peek(0) {
                Some('\'' | '"') => Err(Unlexable),
                _ => Ok(()),
            };
        }
        // `take_word` also took the dollar that ends the tag, and perhaps more, so the tag is cut out of it.
        let tag = tag.split_once('$').ok_or(Unlexable)?.0;
        if tag.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Unlexable);
        }
        let length = tag.chars().count() + 2;
        let body = start + length;
        let delimiter = self.chars.get(start..body).ok_or(Unlexable)?;
        let rest = self.chars.get(body..).ok_or(Unlexable)?;
        let end = rest
            .windows(length)
            .position(|window| window == delimiter)
            .ok_or(Unlexable)?;
        let text = rest.iter().take(end).collect();
        self.at = body + end + length;
        self.push(Kind::DollarText, text);
        Ok(())
    }

    /// SQLite: `:a`, `@a`, `$a::b`. In `$a(…)` everything up to `)` is part of the parameter, including quotes.
    pub(super) fn sqlite_parameter(&mut self) -> Result<(), Unlexable> {
        self.at += 1;
        let mut empty = true;
        loop {
            empty &= self.take_word().is_empty();
            if self.peek(0) != Some(':') || self.peek(1) != Some(':') {
                break;
            }
            self.at += 2;
        }
        if empty || self.peek(0) == Some('(') {
            return Err(Unlexable);
        }
        self.push(Kind::Punct, "?".to_owned());
        Ok(())
    }
}

fn is_number(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let digits = |part: &str, radix: u32| {
        !part.is_empty() && part.chars().all(|c| c == '_' || c.is_digit(radix))
    };
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return digits(rest, radix);
        }
    }
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(&mantissa.replacen('.', "", 1), 10) && exponent.is_none_or(|e| digits(e, 10))
}
