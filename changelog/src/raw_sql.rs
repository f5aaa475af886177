//! Reads SQL texts: decides whether a raw text may run on a tracked connection, and finds in the text of a query
//! builder what its audit leaves out.
//!
//! A raw text that passes holds no statement that writes a tracked table by name. A statement that only reads
//! passes, and so does one that reads a tracked table and writes another (`INSERT INTO other SELECT … FROM
//! tracked`). If it cannot be determined what a statement writes, it is refused as soon as it names a tracked
//! table outside comments and strings. If a setting of the server decides how a text is read, every possible
//! reading must pass. In doubt the text is refused, so some harmless texts are refused, too; the cure for those
//! is an untracked connection.
//!
//! This module cannot see what the database does by itself: a function called in a `SELECT`, a trigger, a
//! foreign key that cascades, a view or foreign table that passes writes on, a partition or an inheriting table
//! written through its parent. None of those names the table in the text.
//!
//! It must not know what tracking is, how a refusal is reported, or anything of the schema beyond the one
//! question that `is_tracked` answers. It never speaks to a database.

mod built;
mod lexer;
#[cfg(test)]
mod tests;
mod token;
mod verbs;

use std::sync::OnceLock;

use crate::database::Syntax;
pub(crate) use built::{Existing, InsertEffects};
use token::{ReadAs, Token, Unlexable};
use verbs::Statement;

/// Why a raw text may not run. Verbs are upper case, as a message would show them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RawRefusal {
    /// A statement writes this tracked table (lower case), or may.
    Writes { table: String, verb: String },
    /// What the statement writes cannot be told from its text.
    Unclear { verb: String },
    /// The statement begins or ends a transaction, for which the API must be used.
    TransactionControl { verb: String },
}

/// A SQL text. It is cut into tokens at most once, when that is first needed.
pub(crate) struct SqlText<'a> {
    sql: &'a str,
    syntax: &'static Syntax,
    readings: OnceLock<Vec<Reading>>,
}

/// The text as the server reads it under one of its settings.
struct Reading {
    read_as: ReadAs,
    tokens: Result<Vec<Token>, Unlexable>,
}

impl<'a> SqlText<'a> {
    pub(crate) fn of(sql: &'a str, syntax: &'static Syntax) -> Self {
        Self {
            sql,
            syntax,
            readings: OnceLock::new(),
        }
    }

    /// The ways in which the server may read this text. Its settings are not known here, and may change between
    /// this check and the run, so each way counts. They differ only in whether a backslash escapes the quote
    /// after it.
    fn readings(&self) -> &[Reading] {
        self.readings.get_or_init(|| {
            let count = if self.sql.contains('\\') {
                self.syntax.readings.len()
            } else {
                1
            };
            let readings = self.syntax.readings.iter().take(count);
            let readings = readings.map(|&escapes| {
                let syntax = self.syntax;
                let read_as = ReadAs { syntax, escapes };
                let tokens = lexer::lex(self.sql, read_as);
                Reading { read_as, tokens }
            });
            readings.collect()
        })
    }

    /// The text.
    pub(crate) fn sql(&self) -> &'a str {
        self.sql
    }

    /// Whether one of its statements may begin or end a transaction. A text that cannot be read may do anything, and
    /// so may a block or a routine that runs other statements.
    pub(crate) fn may_control_transactions(&self) -> bool {
        self.readings().iter().any(|reading| {
            let tokens = reading.tokens.as_ref();
            tokens.map_or(true, |tokens| {
                statements(tokens).any(verbs::may_control_transactions)
            })
        })
    }

    /// The first word, as it is written.
    pub(crate) fn first_word(&self) -> &'a str {
        self.sql.split_ascii_whitespace().next().unwrap_or_default()
    }

    /// Whether the text begins as a query does. What follows may still write.
    pub(crate) fn begins_as_query(&self) -> bool {
        leading_letters(self.sql).eq_ignore_ascii_case("select")
    }

    /// Passes a text whose every statement may run, or returns the first reason against it.
    ///
    /// `is_tracked` gets one bare, unquoted table name in lower case (`str::to_lowercase`), never a qualified
    /// one. It must compare with names brought to lower case in the same way, and know them as the database
    /// stores them (PostgreSQL cuts names at 63 bytes).
    pub(crate) fn check(&self, is_tracked: &dyn Fn(&str) -> bool) -> Result<(), RawRefusal> {
        let is_ambiguous = self.readings().len() > 1;
        for Reading { read_as, tokens } in self.readings() {
            let Ok(tokens) = tokens else {
                let verb = verbs::shown(leading_letters(self.sql));
                return Err(RawRefusal::Unclear { verb });
            };
            check_reading(tokens, *read_as, is_tracked)?;
            if is_ambiguous && changes_reading(tokens, self.syntax) {
                let verb = "SET".to_owned();
                return Err(RawRefusal::Unclear { verb });
            }
        }
        Ok(())
    }

    /// The first statement that would end a surrounding transaction by itself. On MariaDB nearly every statement
    /// does that, except for queries and plain writes.
    pub(crate) fn ends_transaction(&self) -> Option<String> {
        if !self.syntax.statements_commit {
            return None;
        }
        self.readings().iter().find_map(|reading| {
            let Ok(tokens) = &reading.tokens else {
                return Some(verbs::shown(leading_letters(self.sql)));
            };
            statements(tokens).find_map(verbs::ends_transaction)
        })
    }

    /// The first statement that begins or ends a transaction in so many words. A step of a SQLite trigger that is
    /// created may be taken for one.
    pub(crate) fn controls_transaction(&self) -> Option<String> {
        self.readings().iter().find_map(|reading| {
            let tokens = reading.tokens.as_ref().ok()?;
            statements(tokens).find_map(verbs::controls_transaction)
        })
    }

    /// Whether the text, however it is read, is one statement that only writes rows. Such a statement fires the
    /// triggers of every table that it names.
    pub(crate) fn fires_triggers(&self) -> bool {
        self.readings().iter().all(|reading| {
            reading.tokens.as_ref().is_ok_and(|tokens| {
                let mut statements = statements(tokens);
                let only = statements.next().filter(|_| statements.next().is_none());
                only.is_some_and(|only| verbs::fires_triggers(only, self.syntax))
            })
        })
    }

    /// What a built INSERT may do to rows that it finds. A text that cannot be read may do anything.
    pub(crate) fn insert_effects(&self) -> InsertEffects {
        // Most inserts have neither word, and need not be read.
        if !built::may_have_effects(self.sql) {
            return InsertEffects::default();
        }
        let effects = self.readings().iter().map(|reading| match &reading.tokens {
            Ok(tokens) => built::insert_effects(tokens),
            Err(_) => InsertEffects::ANY,
        });
        effects.fold(InsertEffects::default(), InsertEffects::or)
    }

    /// What a built INSERT does to a row that it finds. A text that cannot be read may write it.
    pub(crate) fn existing(&self) -> Existing {
        if !built::may_have_effects(self.sql) {
            return Existing::Kept;
        }
        match self.readings() {
            [
                Reading {
                    tokens: Ok(tokens), ..
                },
            ] => built::existing(tokens),
            _ => Existing::Written,
        }
    }

    /// The place in a built INSERT of MariaDB where it begins to say what it does to a row that it finds.
    pub(crate) fn upsert_begins(&self) -> Option<usize> {
        self.sql.rfind(" ON DUPLICATE KEY UPDATE ")
    }

    /// Whether a built UPDATE or upsert may assign the column, whose name is in lower case.
    pub(crate) fn may_assign(&self, column: &str) -> bool {
        self.readings().iter().any(|reading| {
            let tokens = reading.tokens.as_ref();
            tokens.map_or(true, |tokens| built::assigns(tokens, column))
        })
    }
}

/// Whether a `SET` among other statements may change how the rest is read.
fn changes_reading(tokens: &[Token], syntax: &Syntax) -> bool {
    let mut parts = statements(tokens);
    let sets = |part: &[Token]| part.first().is_some_and(|first| first.is_word("set"));
    syntax.set_changes_reading && statements(tokens).count() > 1 && parts.any(sets)
}

/// The statements that are not empty. Every `;` ends one, even inside parentheses: a part cut off
/// too early is then judged by its own first word, which can only refuse more.
fn statements(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    tokens
        .split(|token| token.is_punct(";"))
        .filter(|part| !part.is_empty())
}

fn check_reading(
    tokens: &[Token],
    read_as: ReadAs,
    is_tracked: &dyn Fn(&str) -> bool,
) -> Result<(), RawRefusal> {
    // Only SQLite keeps `;` within a trigger's body, and its `END` must not be taken for a `COMMIT`.
    let mut in_trigger = false;
    for part in statements(tokens) {
        let statement = Statement::new(part, read_as, is_tracked);
        if !in_trigger {
            statement.check()?;
            in_trigger = statement.opens_sqlite_trigger();
        } else if let [only] = part
            && only.is_word("end")
        {
            in_trigger = false;
        } else {
            statement.check_trigger_step()?;
        }
    }
    if in_trigger {
        return Err(RawRefusal::Unclear {
            verb: "CREATE".to_owned(),
        });
    }
    Ok(())
}

/// The letters with which a text begins.
fn leading_letters(sql: &str) -> &str {
    let text = sql.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    end.map_or(text, |end| &text[..end])
}
