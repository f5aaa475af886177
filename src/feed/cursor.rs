//! The cursors that clients hold.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use seachange_changelog::internal::reader::Position;

/// The log's identity: 16 hexadecimal digits. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Epoch {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let is_epoch = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_epoch.then(|| Self(text.into())).ok_or(CursorError)
    }
}

/// What a client keeps to continue where it stopped. Opaque to it; in text `epoch.batch.last.id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(crate) epoch: Epoch,
    pub(crate) position: Position,
}

impl Cursor {
    /// The cursor of a position in the log of this epoch.
    pub fn at(epoch: &Epoch, position: Position) -> Self {
        Self {
            epoch: epoch.clone(),
            position,
        }
    }
}

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [batch, last, id] = self.position.parts();
        write!(f, "{}.{batch}.{last}.{id}", self.epoch)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut parts = text.split('.');
        let epoch = parts.next().ok_or(CursorError)?.parse()?;
        let mut number = || -> Result<i64, CursorError> {
            let digits = parts.next().ok_or(CursorError)?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            let canonical = digits == "0" || !digits.starts_with('0');
            match digits.parse() {
                Ok(number) if plain && canonical => Ok(number),
                _ => Err(CursorError),
            }
        };
        let position = Position::of_parts([number()?, number()?, number()?]);
        match parts.next() {
            None => Ok(Self { epoch, position }),
            Some(_) => Err(CursorError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let text = "0123456789abcdef.3.20.17";
        let cursor: Cursor = text.parse().expect("a cursor");
        assert_eq!(cursor.position.parts(), [3, 20, 17]);
        assert_eq!(cursor.to_string(), text);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "0",
            "x",
            "...",
            "0123456789abcdef",
            "0123456789abcdef.1.2",
            "0123456789abcdef.1.2.3.4",
            "0123456789abcdef.1.2.-3",
            "0123456789abcdef.1.2.+3",
            "0123456789abcdef.1.2.03",
            "0123456789abcdef.1.2.99999999999999999999",
            "0123456789abcdeg.1.2.3",
            "0123456789abcdef.1.2.3 ",
            "0123456789abcdef.1.2.٣",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }
}
