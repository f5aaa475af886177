//! When two texts of a column are equal to its database.
//!
//! Guarantees: an [`Equality`] that is not [`Equality::Undecided`] holds two texts equal exactly if the
//! database's `=` between the column and a bound text does. Knows equality only: the order of texts is
//! the database's alone.

use std::borrow::Cow;

/// How the database compares a column with a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Equality {
    /// Character by character.
    #[default]
    Exact,
    /// Spaces at the end do not count: binary collations of MariaDB that pad, `RTRIM` of SQLite.
    Padded,
    /// Spaces at the end of what is stored do not count: `char(n)` of PostgreSQL, which is compared with
    /// one text as a text without them, and with a list of several as [`Equality::Padded`].
    PaddedWhenStored,
    /// The letters A to Z are those from a to z: `NOCASE` of SQLite.
    AsciiCase,
    /// Only the database can say.
    Undecided(Undecided),
}

/// A collation that holds texts equal by rules that are the database's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Its name, or that of a type which compares in its own way.
    pub collation: String,
    /// What makes the column comparable.
    pub cure: &'static str,
}

impl Equality {
    /// What of a stored text counts. It equals a text that it is compared with if and only if this is the
    /// same as [`Equality::operand`] of that.
    pub fn stored<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self {
            Self::PaddedWhenStored => Cow::Borrowed(text.trim_end_matches(' ')),
            _ => self.operand(text),
        }
    }

    /// What counts of a text that a stored one is compared with.
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

    /// One under which no fewer texts are equal, the same for single texts and lists: to look texts up.
    #[must_use]
    pub fn widest(&self) -> &Self {
        self.within_list(usize::MAX)
    }

    /// The collation, if only the database can say.
    pub fn undecided(&self) -> Option<&Undecided> {
        match self {
            Self::Undecided(undecided) => Some(undecided),
            _ => None,
        }
    }
}

/// SQLite's `NOCASE` looks no further than to a NUL; then the lengths decide.
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
