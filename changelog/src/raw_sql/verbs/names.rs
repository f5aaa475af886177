//! Finds the tokens of a statement that may name a table, and the name for which each stands.
//!
//! A table that is named outside comments and strings is found, whatever the quotes, the case or the
//! qualification. This module must not know verbs.

use super::super::lexer::is_word_char;
use super::super::token::{Kind, Token};
use super::Statement;

impl Statement<'_> {
    /// The first tracked table that the statement writes; if it is unclear what is written, the first one that the
    /// statement names.
    pub(super) fn written_name(&self) -> Option<String> {
        match self.targets() {
            Some(targets) => targets
                .into_iter()
                .find_map(|tokens| self.tracked_among(tokens)),
            None => self.tracked_among(self.tokens),
        }
    }

    pub(super) fn tracked_among(&self, tokens: &[Token]) -> Option<String> {
        let mut before: Option<&Token> = None;
        for token in tokens {
            if self.may_name(token, before)
                && let Some(name) = self.tracked(&token.text)
            {
                return Some(name);
            }
            before = Some(token);
        }
        None
    }

    /// A tracked name among the words of a string.
    pub(super) fn tracked_in_text(&self, text: &str) -> Option<String> {
        text.split(|c| !is_word_char(c))
            .find_map(|word| self.tracked(word))
    }

    fn may_name(&self, token: &Token, before: Option<&Token>) -> bool {
        match token.kind {
            Kind::Word | Kind::Quoted => true,
            // SQLite takes 'x' for a name where only a name can stand. After a character other than the dot of a
            // qualified name only a value can stand.
            Kind::Text if self.syntax().text_may_name => {
                before.is_none_or(|b| b.kind != Kind::Punct || b.text == ".")
            }
            _ => false,
        }
    }

    fn tracked(&self, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        if (self.is_tracked)(&lower) {
            return Some(lower);
        }
        let longest = self.syntax().longest_name;
        let mut end = longest.filter(|longest| name.len() > *longest)?;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let cut = name.get(..end).unwrap_or_default().to_lowercase();
        (self.is_tracked)(&cut).then_some(cut)
    }
}
