//! When two texts of a column are equal to its database.
//!
//! Guarantees: an [`Equality`] other than [`Equality::Undecided`] takes two texts for equal exactly if the
//! database's `=` between the column and a bound text does. This covers equality only: only the database
//! knows the order of texts.

use std::borrow::Cow;

/// How the database compares a column with a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Equality {
    /// Character by character.
    #[default]
    Exact,
    /// Trailing spaces do not count: binary collations of MariaDB that pad, and `RTRIM` of SQLite.
    Padded,
    /// Trailing spaces of the stored text do not count: `char(n)` of PostgreSQL. It is compared with a single
    /// text as a text without them, and with a list of several as [`Equality::Padded`].
    PaddedWhenStored,
    /// The letters A to Z equal a to z: `NOCASE` of SQLite.
    AsciiCase,
    /// Only the database can decide.
    Undecided(Undecided),
}

/// A collation whose rules for equal texts only the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Its name, or that of a type with a comparison of its own.
    pub collation: String,
    /// What makes the column comparable.
    pub cure: &'static str,
}

impl Equality {
    /// The part of a stored text that counts. The text equals one that it is compared with if and only if
    /// this is the same as [`Equality::operand`] of the other.
    pub fn stored<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self {
            Self::PaddedWhenStored => Cow::Borrowed(text.trim_end_matches(' ')),
            _ => self.operand(text),
        }
    }

    /// The part that counts of a text with which a stored one is compared.
    pub fn operand<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self {
            Self::Exact | Self::PaddedWhenStored | Self::Undecided(_) => Cow::Borrowed(text),
            Self::Padded => Cow::Borrowed(text.trim_end_matches(' ')),
            Self::AsciiCase => ascii_case(text),
        }
    }

    /// How the database compares with each text of a list of this length.
    #[must_use]
    pub fn within_list(&self, length: usize) -> &Self {
        match self {
            Self::PaddedWhenStored if length > 1 => &Self::Padded,
            equality => equality,
        }
    }

    /// An equality by which at least as many texts are equal, the same for single texts and lists. It serves
    /// lookups.
    #[must_use]
    pub fn widest(&self) -> &Self {
        self.within_list(usize::MAX)
    }

    /// The collation, if only the database can decide.
    pub fn undecided(&self) -> Option<&Undecided> {
        match self {
            Self::Undecided(undecided) => Some(undecided),
            _ => None,
        }
    }
}

/// SQLite's `NOCASE` compares only up to a NUL; after that the lengths decide.
fn ascii_case(text: &str) -> Cow<'_, str> {
    let compared = text.split('\0').next().unwrap_or_default();
    if compared.len() < text.len() {
        let lower = compared.to_ascii_lowercase();
        return Cow::Owned(format!("{lower}\0{}", text.len()));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_of_a_text() {
        use Equality::{AsciiCase, Exact, Padded, PaddedWhenStored};
        for (equality, stored, operand, equal) in [
            (Exact, "a", "a", true),
            (Exact, "a", "A", false),
            (Exact, "a ", "a", false),
            (Padded, "a ", "a", true),
            (Padded, "a", "a  ", true),
            (Padded, "a\t", "a", false),
            (Padded, "a", "A", false),
            (PaddedWhenStored, "a   ", "a", true),
            (PaddedWhenStored, "a   ", "a   ", false),
            (AsciiCase, "Urgent", "uRGENT", true),
            (AsciiCase, "Ärger", "ärger", false),
            (AsciiCase, "a ", "a", false),
            (AsciiCase, "A\0b", "a\0c", true),
            (AsciiCase, "A\0b", "a\0cd", false),
            (AsciiCase, "a\0b", "a", false),
        ] {
            let found = equality.stored(stored) == equality.operand(operand);
            assert_eq!(found, equal, "{equality:?} {stored:?} {operand:?}");
        }
    }
}
