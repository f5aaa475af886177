//! Judges statements that change settings: `SET`, `PRAGMA`, PostgreSQL's `set_config`.
//!
//! A statement does not pass if it disables triggers, opens SQLite's schema to writes, changes how later texts are
//! read, or begins and ends transactions. Other settings are not its concern.

use super::super::RawRefusal;
use super::super::token::{Kind, Token};
use super::{Statement, unclear};

/// Names by which PostgreSQL stops firing triggers; `pg_settings` is a table through which settings are set.
const SWITCHES: &[&str] = &["session_replication_role", "pg_settings"];

/// MySQL settings that make later statements commit.
const COMMITTING: &[&str] = &["autocommit", "completion_type"];

/// Settings that determine what the bytes of a text mean. Under some encodings a quote is part of a letter.
const ENCODINGS: &[&str] = &[
    "names",
    "charset",
    "character",
    "character_set_client",
    "client_encoding",
];

impl Statement<'_> {
    pub(super) fn check_set(&self, verb: &str) -> Result<(), RawRefusal> {
        let names = |list: &[&str]| {
            let listed = |token: &Token| list.iter().any(|name| token.is_name(name));
            self.tokens.iter().any(listed)
        };
        if names(COMMITTING) {
            let verb = verb.to_owned();
            return Err(RawRefusal::TransactionControl { verb });
        }
        let unsafe_encoding = names(ENCODINGS) && !self.sets_utf8();
        // MariaDB has `SET STATEMENT a = 1 FOR DELETE …`, and `init_connect` holds statements.
        let holds_statement = self.second_is(&["statement"]) || names(&["init_connect"]);
        if unsafe_encoding || holds_statement || self.names_switch() {
            return Err(unclear(verb));
        }
        Ok(())
    }

    pub(super) fn check_pragma(&self, verb: &str) -> Result<(), RawRefusal> {
        let opens_schema = |token: &Token| token.text.eq_ignore_ascii_case("writable_schema");
        if !self.syntax().pragmas || self.tokens.iter().any(opens_schema) {
            return Err(unclear(verb));
        }
        Ok(())
    }

    /// Whether a name or a string is one of [`SWITCHES`].
    pub(super) fn names_switch(&self) -> bool {
        let switch = |token: &Token| {
            SWITCHES
                .iter()
                .any(|name| token.text.eq_ignore_ascii_case(name))
        };
        self.tokens.iter().any(switch)
    }

    /// `set_config` is a `SET` that can stand in any query. Row security needs it, so it passes if its setting can be
    /// read and is harmless.
    pub(super) fn sets_config_unsafely(&self) -> bool {
        let calls = self.tokens.iter().enumerate();
        self.syntax().set_config
            && calls
                .filter(|(_, token)| token.is_name("set_config"))
                .any(|(at, _)| !sets_harmless(self.tokens.get(at + 1..).unwrap_or_default()))
    }

    /// `SET NAMES utf8mb4 [COLLATE x]` or `SET client_encoding = 'UTF8'`, and nothing else.
    fn sets_utf8(&self) -> bool {
        match self.tokens {
            _ if self.hedged => false,
            [_, names, value] => names.is_name("names") && is_utf8(value),
            [_, encoding, equals, value] => {
                encoding.is_name("client_encoding")
                    && (equals.is_punct("=") || equals.is_word("to"))
                    && is_utf8(value)
            }
            [_, names, value, collate, _] => {
                names.is_name("names") && is_utf8(value) && collate.is_word("collate")
            }
            _ => false,
        }
    }
}

fn is_utf8(value: &Token) -> bool {
    let value = value.text.to_ascii_lowercase();
    ["utf8", "utf8mb3", "utf8mb4", "utf-8", "unicode"].contains(&value.as_str())
}

/// Whether the arguments of a `set_config` start with the plain name of a harmless setting.
fn sets_harmless(arguments: &[Token]) -> bool {
    let [open, setting, comma, ..] = arguments else {
        return false;
    };
    let name = setting.text.as_str();
    let risky = SWITCHES.iter().chain(ENCODINGS);
    open.is_punct("(")
        && comma.is_punct(",")
        && setting.kind == Kind::Text
        && !name.contains('\\')
        && !risky
            .into_iter()
            .any(|risk| name.eq_ignore_ascii_case(risk))
}
