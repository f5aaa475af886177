//! Judges one statement by its first word.
//!
//! A statement that passes writes no tracked table by name. If the server may read only a part of the statement
//! (executable comments), it is judged only by rules that more words can make stricter, never laxer.
//!
//! This module sees tokens, so it must not know quotes or comments, nor what "tracked" means.

mod names;
mod routines;
mod settings;
mod targets;

use super::RawRefusal;
use super::token::{Kind, ReadAs, Token};
use crate::database::Syntax;

/// The words with which a step of a SQLite trigger may start.
const TRIGGER_STEPS: &[&str] = &["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE"];

const TRANSACTION: &[&str] = &[
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "END",
    "ABORT",
    "XA",
];

/// The verbs of statements that name the tables that they write.
const WRITING: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "REPLACE", "TRUNCATE", "MERGE", "CREATE", "ALTER", "DROP",
    "RENAME", "COPY", "LOCK", "ANALYZE", "VACUUM", "REINDEX", "COMMENT", "GRANT", "REVOKE",
    "REFRESH", "NOTIFY", "LISTEN", "UNLISTEN", "OPTIMIZE", "USE", "RESET", "DETACH",
];

/// The verbs of statements before which MariaDB does not end the transaction.
const WITHIN: &[&str] = &[
    "SELECT", "VALUES", "TABLE", "WITH", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "INSERT", "UPDATE",
    "DELETE", "REPLACE", "SET",
];

/// The statement's verb, if MariaDB ends the transaction before it.
pub(super) fn ends_transaction(tokens: &[Token]) -> Option<String> {
    let mut words = tokens.iter().filter(|token| !token.is_punct("("));
    let (first, second) = (words.next()?, words.next());
    let is_second = |word: &str| second.is_some_and(|second| second.is_word(word));
    let verb = shown(&first.text);
    let stays = match verb.as_str() {
        "SET" => !is_second("password") && !is_second("default"),
        "CREATE" | "DROP" => is_second("temporary"),
        other => WITHIN.contains(&other),
    };
    (!stays).then_some(verb)
}

/// The statement's verb, if it begins or ends a transaction in so many words.
pub(super) fn controls_transaction(tokens: &[Token]) -> Option<String> {
    let verb = shown(&tokens.first()?.text);
    let sets_it = verb == "SET" && tokens.iter().any(|token| token.is_word("autocommit"));
    (sets_it || TRANSACTION.contains(&verb.as_str())).then_some(verb)
}

/// Whether the statement may begin or end a transaction: it is none of those that only read, write or define.
pub(super) fn may_control_transactions(tokens: &[Token]) -> bool {
    let Some(first) = tokens.iter().find(|token| !token.is_punct("(")) else {
        return false;
    };
    let verb = shown(&first.text);
    let reads = ["SELECT", "VALUES", "TABLE", "WITH", "SHOW"];
    let is_hedged = tokens.iter().any(|token| token.conditional.is_some());
    is_hedged || !(reads.contains(&verb.as_str()) || WRITING.contains(&verb.as_str()))
}

/// Whether the statement only writes rows, one by one as triggers see them.
pub(super) fn fires_triggers(tokens: &[Token], syntax: &Syntax) -> bool {
    let Some(first) = tokens.first() else {
        return false;
    };
    match shown(&first.text).as_str() {
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "MERGE" => true,
        // The text of a cascading one does not name every table.
        "TRUNCATE" if syntax.truncate_fires_triggers => {
            !tokens.iter().any(|token| token.is_word("cascade"))
        }
        _ => false,
    }
}

pub(super) struct Statement<'a> {
    tokens: &'a [Token],
    read_as: ReadAs,
    is_tracked: &'a dyn Fn(&str) -> bool,
    /// The server may skip some of the tokens and run the rest.
    hedged: bool,
}

/// A verb as a refusal shows it.
pub(super) fn shown(word: &str) -> String {
    // Unknown verbs come from the text, which may be of any length. Only ASCII letters are changed: servers do not
    // recognise a keyword by a letter like ſ, whose upper case is S.
    word.chars()
        .take(32)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

impl<'a> Statement<'a> {
    pub(super) fn new(
        tokens: &'a [Token],
        read_as: ReadAs,
        is_tracked: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        // If one executable comment holds the whole statement, the server runs all of it or nothing.
        let hedged = tokens
            .first()
            .is_some_and(|first| tokens.iter().any(|t| t.conditional != first.conditional));
        Self {
            tokens,
            read_as,
            is_tracked,
            hedged,
        }
    }

    fn syntax(&self) -> &'static Syntax {
        self.read_as.syntax
    }

    pub(super) fn check(&self) -> Result<(), RawRefusal> {
        let verb = self.verb()?;
        if self.sets_config_unsafely() {
            return Err(unclear(&verb));
        }
        match verb.as_str() {
            "SELECT" | "VALUES" | "TABLE" | "WITH" => match self.write_within(self.tokens) {
                Some(inner) => self.check_write(&inner),
                None => Ok(()),
            },
            // No other statement may stand in parentheses.
            _ if self.tokens.first().is_some_and(|t| t.is_punct("(")) => Err(unclear(&verb)),
            "SHOW" => Ok(()),
            "EXPLAIN" | "DESCRIBE" | "DESC" => self.check_explain(&verb),
            "PRAGMA" => self.check_pragma(&verb),
            "SET" => self.check_set(&verb),
            known if WRITING.contains(&known) => self.check_write(&verb),
            known if TRANSACTION.contains(&known) => Err(RawRefusal::TransactionControl { verb }),
            _ => Err(unclear(&verb)),
        }
    }

    /// Checks a statement of a trigger's body, which runs when its table is written.
    pub(super) fn check_trigger_step(&self) -> Result<(), RawRefusal> {
        let verb = self.verb()?;
        if !TRIGGER_STEPS.contains(&verb.as_str()) {
            return Err(unclear(&verb));
        }
        self.check_write("CREATE")
    }

    pub(super) fn opens_sqlite_trigger(&self) -> bool {
        let mut words = self
            .tokens
            .iter()
            .filter(|token| !(token.is_word("temp") || token.is_word("temporary")));
        self.syntax().trigger_bodies
            && words.next().is_some_and(|word| word.is_word("create"))
            && words.next().is_some_and(|word| word.is_word("trigger"))
            && words.any(|word| word.is_word("begin"))
    }

    /// The first word, in upper case. Parentheses before it group queries.
    fn verb(&self) -> Result<String, RawRefusal> {
        let first = self.tokens.iter().find(|token| !token.is_punct("("));
        match first {
            Some(token) if self.hedged && token.conditional.is_some() => {
                // If the server skips the comment, another word decides.
                self.check_write(&shown(&token.text))?;
                Err(unclear(&token.text))
            }
            Some(token) if token.kind == Kind::Word => Ok(shown(&token.text)),
            Some(token) => Err(unclear(&token.text)),
            None => Err(unclear("(")),
        }
    }

    /// The keyword by which a query writes, if it does.
    fn write_within(&self, tokens: &[Token]) -> Option<String> {
        let has = |word: &str| tokens.iter().any(|token| token.is_word(word));
        let writes = |at: usize, token: &Token| {
            let called = tokens.get(at + 1).is_some_and(|next| next.is_punct("("));
            if token.is_word("update") {
                return self.hedged || !locks_rows(tokens, at);
            }
            if token.is_word("insert") || token.is_word("replace") {
                // Before a parenthesis they are the string functions.
                return self.hedged || !called;
            }
            token.is_word("delete") || token.is_word("merge")
        };
        // Another verb can stand only in a common table expression or after one.
        let found = tokens.iter().enumerate().find(|(at, t)| writes(*at, t));
        if let Some((_, token)) = found.filter(|_| has("with")) {
            return Some(shown(&token.text));
        }
        has("into").then(|| "SELECT INTO".to_owned())
    }

    /// `EXPLAIN` only plans a statement, but `EXPLAIN ANALYZE` also runs it.
    fn check_explain(&self, verb: &str) -> Result<(), RawRefusal> {
        let runs = |token: &Token| token.is_name("analyze") || token.is_name("analyse");
        if !self.tokens.iter().any(runs) {
            return Ok(());
        }
        let mut rest = self.tokens.get(1..).unwrap_or_default();
        if let [open, option, ..] = rest
            && open.is_punct("(")
            && !reads(option)
            && !option.is_punct("(")
        {
            let close = rest.iter().position(|token| token.is_punct(")"));
            rest = close.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
        }
        loop {
            rest = match rest {
                [word, equals, _, tail @ ..] if word.is_word("format") && equals.is_punct("=") => {
                    tail
                }
                [word, tail @ ..] if runs(word) || word.is_word("verbose") => tail,
                _ => break,
            };
        }
        let first = rest.iter().find(|token| !token.is_punct("("));
        if self.hedged || !first.is_some_and(reads) || self.write_within(rest).is_some() {
            return Err(unclear(&format!("{verb} ANALYZE")));
        }
        Ok(())
    }

    fn check_write(&self, verb: &str) -> Result<(), RawRefusal> {
        if let Some(table) = self.written_name() {
            let verb = verb.to_owned();
            return Err(RawRefusal::Writes { table, verb });
        }
        let has = |word: &str| self.tokens.iter().any(|token| token.is_word(word));
        let unclear_reach = match verb {
            // This empties every table that refers to the table.
            "TRUNCATE" => has("cascade"),
            "DROP" => {
                let own = ["table", "view", "materialized", "index"];
                self.second_is(&["schema", "database", "owned"])
                    || (has("cascade") && (self.hedged || !self.second_is(&own)))
            }
            "ALTER" => self.second_is(&["schema", "database", "system", "subscription"]),
            // This writes what another server sends.
            "CREATE" => self.second_is(&["subscription"]),
            // This runs a program on the server, which may do anything.
            "COPY" => has("program"),
            _ => false,
        };
        if unclear_reach || self.names_switch() {
            return Err(unclear(verb));
        }
        if matches!(verb, "CREATE" | "ALTER") {
            return self.check_routine(verb);
        }
        Ok(())
    }

    /// Whether the word after the verb is one of these; or any word, if the server may skip some.
    fn second_is(&self, words: &[&str]) -> bool {
        let listed = |token: &Token| words.iter().any(|word| token.is_word(word));
        if self.hedged {
            self.tokens.iter().any(listed)
        } else {
            self.tokens.get(1).is_some_and(listed)
        }
    }
}

fn unclear(verb: &str) -> RawRefusal {
    RawRefusal::Unclear { verb: shown(verb) }
}

fn reads(token: &Token) -> bool {
    ["select", "values", "table", "with"]
        .iter()
        .any(|word| token.is_word(word))
}

/// Whether the `UPDATE` here belongs to `FOR UPDATE` or `FOR NO KEY UPDATE`.
fn locks_rows(tokens: &[Token], at: usize) -> bool {
    let before = tokens.get(..at).unwrap_or_default();
    match before {
        [.., last] if last.is_word("for") => true,
        [.., first, second, third] => {
            first.is_word("for") && second.is_word("no") && third.is_word("key")
        }
        _ => false,
    }
}
