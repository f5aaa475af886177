//! Finds the tables that a statement writes, as opposed to those that it only reads.
//!
//! The result has every table that the statement writes by name. It is `None` if the statement has a shape that is
//! not understood here; then each of its tokens may name such a table. This module must not know which tables are
//! tracked.

use super::super::token::{Kind, Token};
use super::{Statement, locks_rows};

/// Words that may stand between a writing verb and `INTO`, `FROM` or the name.
const MODIFIERS: &[&str] = &[
    "or",
    "replace",
    "ignore",
    "abort",
    "fail",
    "rollback",
    "low_priority",
    "high_priority",
    "delayed",
    "quick",
    "history",
];

/// What may follow a table that MariaDB's DELETE of one table empties. Anything else is an alias or a
/// DELETE of several tables, in which names can stand for others.
const AFTER_DELETED: &[&str] = &["where", "order", "limit", "returning"];

impl Statement<'_> {
    /// The tokens that name what the statement writes; `None` if that is unclear.
    pub(super) fn targets(&self) -> Option<Vec<&[Token]>> {
        if self.hedged {
            return None;
        }
        let start = self.tokens.iter().position(|token| !token.is_punct("("))?;
        let first = self.tokens.get(start)?;
        let is = |words: &[&str]| words.iter().any(|word| first.is_word(word));
        let mut targets = Vec::new();
        let from = if is(&["create"]) {
            let (name, end) = self.created(start)?;
            targets.push(name);
            end
        } else if is(&["copy"]) {
            let (name, end) = self.copied(start)?;
            targets.extend(name);
            end
        } else if is(&[
            "insert", "update", "delete", "replace", "merge", "with", "select", "values", "table",
        ]) {
            start
        } else {
            return None;
        };
        let mut at = from;
        while let Some(token) = self.tokens.get(at) {
            if token.kind != Kind::Word {
                at += 1;
                continue;
            }
            match token.text.to_ascii_lowercase().as_str() {
                // Before a parenthesis they are the string functions.
                "insert" | "replace" if self.is_sign(at + 1, "(") && at > start => {}
                // The steps of a MERGE name no table.
                "insert" | "delete" if self.is_step_of_merge(at) => {}
                "insert" | "replace" | "merge" => {
                    let (name, end) = self.after(at, "into")?;
                    targets.push(name);
                    at = end;
                    continue;
                }
                "delete" => {
                    let (name, end) = self.after(at, "from")?;
                    self.is_one_table(end).then_some(())?;
                    targets.push(name);
                    at = end;
                    continue;
                }
                "update" if locks_rows(self.tokens, at) || self.is_word_at(at, -1, "key") => {}
                "update" => {
                    let rest = self.tokens.get(at..)?;
                    let end = rest.iter().position(|token| token.is_word("set"))?;
                    targets.push(rest.get(..end)?);
                }
                "into" => targets.push(self.selected_into(at)?),
                _ => {}
            }
            at += 1;
        }
        Some(targets)
    }

    /// The name that follows the verb at `at`, its modifiers and a word; and the place where it ends.
    fn after(&self, at: usize, word: &str) -> Option<(&[Token], usize)> {
        let mut next = at + 1;
        while !self.tokens.get(next)?.is_word(word) {
            let token = self.tokens.get(next)?;
            MODIFIERS
                .iter()
                .any(|modifier| token.is_word(modifier))
                .then_some(())?;
            next += 1;
        }
        let name = next + 1 + usize::from(self.is_word_at(next, 1, "only"));
        let end = self.end_of_name(name)?;
        // The word is included, because it decides what a quoted text is.
        Some((self.tokens.get(next..end)?, end))
    }

    /// The place where the name that begins at `at` ends.
    fn end_of_name(&self, at: usize) -> Option<usize> {
        let is_name = |token: &Token| match token.kind {
            Kind::Word | Kind::Quoted => true,
            Kind::Text => self.syntax().text_may_name,
            _ => false,
        };
        let mut end = at;
        loop {
            is_name(self.tokens.get(end)?).then_some(())?;
            end += 1;
            match self.tokens.get(end) {
                Some(dot) if dot.is_punct(".") => end += 1,
                Some(sign) if sign.kind == Kind::Punct => {
                    // Another character may be part of how the name is written.
                    return (sign.is_punct("(") || sign.is_punct(")")).then_some(end);
                }
                Some(other) if other.is_text() => return None,
                _ => return Some(end),
            }
        }
    }

    /// `CREATE … TABLE name AS`, and a query.
    fn created(&self, start: usize) -> Option<(&[Token], usize)> {
        let words = [
            "temp",
            "temporary",
            "unlogged",
            "global",
            "local",
            "or",
            "replace",
        ];
        let mut at = start + 1;
        while words
            .iter()
            .any(|word| self.tokens.get(at).is_some_and(|t| t.is_word(word)))
        {
            at += 1;
        }
        self.tokens.get(at)?.is_word("table").then_some(())?;
        let table = at;
        at += 1;
        if self.is_word_at(at, 0, "if") {
            let not_exists = self.is_word_at(at, 1, "not") && self.is_word_at(at, 2, "exists");
            not_exists.then_some(())?;
            at += 3;
        }
        let end = self.end_of_name(at)?;
        let begins_query = ["as", "select", "with"];
        let token = self.tokens.get(end)?;
        begins_query
            .iter()
            .any(|word| token.is_word(word))
            .then_some(())?;
        Some((self.tokens.get(table..end)?, end))
    }

    /// The table that a COPY writes: the one before `FROM`, and none before `TO`.
    fn copied(&self, start: usize) -> Option<(Option<&[Token]>, usize)> {
        if self.is_sign(start + 1, "(") {
            return Some((None, start + 1));
        }
        let end = self.end_of_name(start + 1)?;
        let mut at = end;
        if self.is_sign(at, "(") {
            let rest = self.tokens.get(at..)?;
            at += rest.iter().position(|token| token.is_punct(")"))? + 1;
        }
        if self.is_word_at(at, 0, "to") {
            return Some((None, at));
        }
        self.is_word_at(at, 0, "from").then_some(())?;
        Some((Some(self.tokens.get(start..end)?), at))
    }

    /// PostgreSQL's `SELECT … INTO name`; elsewhere it is a variable or a file.
    fn selected_into(&self, at: usize) -> Option<&[Token]> {
        self.syntax().selects_into_tables.then_some(())?;
        let words = ["temp", "temporary", "unlogged", "table"];
        let mut name = at + 1;
        while words
            .iter()
            .any(|word| self.tokens.get(name).is_some_and(|t| t.is_word(word)))
        {
            name += 1;
        }
        self.tokens.get(at..self.end_of_name(name)?)
    }

    /// Whether a DELETE whose table ends here is of that table alone.
    fn is_one_table(&self, end: usize) -> bool {
        let Some(next) = self.tokens.get(end) else {
            return true;
        };
        !self.syntax().deletes_from_several
            || next.is_punct(")")
            || AFTER_DELETED.iter().any(|word| next.is_word(word))
    }

    fn is_step_of_merge(&self, at: usize) -> bool {
        self.is_word_at(at, -1, "then") && self.tokens.iter().any(|token| token.is_word("merge"))
    }

    fn is_sign(&self, at: usize, sign: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.is_punct(sign))
    }

    fn is_word_at(&self, at: usize, offset: isize, word: &str) -> bool {
        let token = at
            .checked_add_signed(offset)
            .and_then(|at| self.tokens.get(at));
        token.is_some_and(|token| token.is_word(word))
    }
}
