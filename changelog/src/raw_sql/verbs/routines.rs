//! Judges `CREATE` and `ALTER` of what runs later: triggers, functions, procedures, rules, events.
//!
//! A body that passes names no tracked table, in quotes or not, and builds no statement from strings. This module
//! must not know what the other verbs do.

use super::super::RawRefusal;
use super::super::lexer;
use super::super::token::{Kind, Token};
use super::{Statement, unclear};

const ROUTINES: &[&str] = &[
    "trigger",
    "function",
    "procedure",
    "rule",
    "event",
    "aggregate",
    "package",
];

/// Words by which a body runs something else, or spells a name in another way.
const OPAQUE: &[&str] = &["call", "prepare", "uescape", "set_config"];

/// The languages in which bodies can be read here.
const LANGUAGES: &[&str] = &["sql", "plpgsql"];

impl Statement<'_> {
    pub(super) fn check_routine(&self, verb: &str) -> Result<(), RawRefusal> {
        let routine = |token: &Token| ROUTINES.iter().any(|word| token.is_word(word));
        if !self.tokens.iter().any(routine) {
            return Ok(());
        }
        if self.hedged || opaque(self.tokens) || foreign_language(self.tokens) {
            return Err(unclear(verb));
        }
        let mut after_text = false;
        for token in self.tokens {
            // The server takes neighbouring strings for one string, which may hold a name that neither of them holds.
            if token.is_text() && after_text {
                return Err(unclear(verb));
            }
            after_text = token.is_text();
            if after_text {
                self.check_body(token, verb)?;
            }
        }
        Ok(())
    }

    fn check_body(&self, body: &Token, verb: &str) -> Result<(), RawRefusal> {
        // Escapes are not decoded: no body needs them, and between dollars there are none.
        if body.kind != Kind::DollarText && body.text.contains('\\') {
            return Err(unclear(verb));
        }
        // Words are looked at first: a name is the better answer even if the body cannot be lexed.
        if let Some(table) = self.tracked_in_text(&body.text) {
            let verb = verb.to_owned();
            return Err(RawRefusal::Writes { table, verb });
        }
        let inner = lexer::lex(&body.text, self.read_as).map_err(|_| unclear(verb))?;
        if let Some(table) = self.tracked_among(&inner) {
            let verb = verb.to_owned();
            return Err(RawRefusal::Writes { table, verb });
        }
        let body = Statement::new(&inner, self.read_as, self.is_tracked);
        if opaque(&inner) || body.names_switch() {
            return Err(unclear(verb));
        }
        Ok(())
    }
}

fn opaque(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let next = tokens.get(at + 1);
        // PostgreSQL's triggers say `EXECUTE FUNCTION f()`; any other runs a string.
        let calls_routine =
            next.is_some_and(|next| next.is_word("function") || next.is_word("procedure"));
        OPAQUE.iter().any(|word| token.is_name(word))
            || (token.is_word("execute") && !calls_routine)
    })
}

fn foreign_language(tokens: &[Token]) -> bool {
    tokens.windows(2).any(|pair| match pair {
        [word, name] if word.is_word("language") => {
            !LANGUAGES.contains(&name.text.to_ascii_lowercase().as_str())
        }
        _ => false,
    })
}
