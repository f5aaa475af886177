//! Decides whether a raw SQL text may run on a tracked connection.
//!
//! Guarantees that a text which passes holds no statement that writes a tracked table by name. A
//! statement that only reads passes, and so does one that reads a tracked table and writes another
//! (`INSERT INTO other SELECT … FROM tracked`). Where what is written cannot be told, a statement is
//! refused as soon as it names a tracked table outside comments and strings. Where a server setting decides
//! how a text reads, every possible reading must pass. In doubt the answer is a refusal, so some
//! harmless texts are refused; the cure for those is an untracked connection.
//!
//! It cannot see what the database does on its own behalf: a function called in a `SELECT`, a
//! trigger, a foreign key that cascades, a view or foreign table that passes writes on, a partition
//! or an inheriting table written through its parent. None of those names the table in the text.
//!
//! It must not know what tracking is, how a refusal is reported, or anything of the schema beyond
//! the one question `is_tracked` answers. It never talks to a database.

mod lexer;
#[cfg(test)]
mod tests;
mod token;
mod verbs;

use crate::database::Syntax;
use token::{ReadAs, Token};
use verbs::Statement;

/// Why a raw text may not run. Verbs are upper case, as a message would show them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RawRefusal {
    /// A statement writes this tracked table (lower case), or may.
    Writes { table: String, verb: String },
    /// What the statement writes cannot be told from its text.
    Unclear { verb: String },
    /// The statement begins or ends a transaction, which must go through the API.
    TransactionControl { verb: String },
}

/// Passes a text whose every statement may run, or names the first reason against it.
///
/// `is_tracked` gets one bare, unquoted table name in lower case (`str::to_lowercase`), never a
/// qualified one: it must compare with names brought to lower case the same way, and know them as
/// the database stores them (PostgreSQL cuts names at 63 bytes).
pub(crate) fn check(
    sql: &str,
    syntax: &'static Syntax,
    is_tracked: &dyn Fn(&str) -> bool,
) -> Result<(), RawRefusal> {
    let is_ambiguous = ways(sql, syntax).count() > 1;
    for read_as in ways(sql, syntax) {
        let tokens = lexer::lex(sql, read_as).map_err(|_| RawRefusal::Unclear {
            verb: leading_word(sql),
        })?;
        check_reading(&tokens, read_as, is_tracked)?;
        if is_ambiguous && changes_reading(&tokens, syntax) {
            let verb = "SET".to_owned();
            return Err(RawRefusal::Unclear { verb });
        }
    }
    Ok(())
}

/// The first statement that would end a transaction around it by itself, as MariaDB does before
/// nearly everything but queries and plain writes.
pub(crate) fn ends_transaction(sql: &str, syntax: &'static Syntax) -> Option<String> {
    if !syntax.statements_commit {
        return None;
    }
    ways(sql, syntax).find_map(|read_as| {
        let Ok(tokens) = lexer::lex(sql, read_as) else {
            return Some(leading_word(sql));
        };
        statements(&tokens).find_map(verbs::ends_transaction)
    })
}

/// Whether the text is one statement that writes rows and nothing else, however it is read: one that
/// fires the triggers of whatever table it names.
pub(crate) fn fires_triggers(sql: &str, syntax: &'static Syntax) -> bool {
    let fires = |read_as: ReadAs| {
        lexer::lex(sql, read_as).is_ok_and(|tokens| {
            let mut statements = statements(&tokens);
            let only = statements.next().filter(|_| statements.next().is_none());
            only.is_some_and(|only| verbs::fires_triggers(only, syntax))
        })
    };
    ways(sql, syntax).all(fires)
}

/// The ways the server may read this text. Its settings are not known here, and may change between
/// this check and the run, so each way counts. Only a backslash sets them apart: whether it takes the
/// quote after it out of effect.
fn ways(sql: &str, syntax: &'static Syntax) -> impl Iterator<Item = ReadAs> {
    let count = if sql.contains('\\') {
        syntax.readings.len()
    } else {
        1
    };
    let readings = syntax.readings.iter().take(count);
    readings.map(move |&escapes| ReadAs { syntax, escapes })
}

/// Whether a `SET` among other statements may have the rest read otherwise than what came before.
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
    // SQLite alone keeps `;` within a trigger's body, and its `END` must not pass for a `COMMIT`.
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

/// What a text that cannot be lexed seems to start with, for the message only.
fn leading_word(sql: &str) -> String {
    let word = sql
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    verbs::shown(word)
}
