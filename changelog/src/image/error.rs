//! The reasons why a value has no image, or an image no value.
//!
//! Each error is one fact. It quotes at most a few dozen characters of the data. This module does not know
//! how values are written.

use serde_json::Value as Json;

/// The most characters of a value that are quoted.
const QUOTED: usize = 40;

/// A value that cannot be written into an image or read from one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A fact about one column of a row.
    #[error("column `{column}`: {fact}")]
    InColumn {
        /// The column's name in the database.
        column: String,
        /// What is wrong with its value.
        fact: Box<ImageError>,
    },
    /// Columns of this type do not hold values of that type.
    #[error("{value} has no image in {column}")]
    Unsupported {
        /// The kind of column.
        column: &'static str,
        /// The kind of value.
        value: &'static str,
    },
    /// The JSON has another type than the column's images.
    #[error("expected {expected}, found {found}")]
    WrongJson {
        /// The expected kind of JSON.
        expected: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// The text is not written the way the column's images are.
    #[error("`{text}` is not {expected}")]
    Malformed {
        /// The expected form of the text.
        expected: &'static str,
        /// The text, or its beginning.
        text: String,
    },
    /// The target type cannot hold the value.
    #[error("{text} does not fit {target}")]
    OutOfRange {
        /// The type.
        target: &'static str,
        /// The value, or its beginning.
        text: String,
    },
    /// A decimal that would take more than 200,000 digits; no database stores one.
    #[error("a decimal of more than 200000 digits")]
    NumberTooLong,
    /// JSON of more than 125 levels, which could not be read back from the log.
    #[error("JSON of more than 125 levels")]
    TooDeep,
    /// The image lacks a column of the row.
    #[error("the image has no column `{column}`")]
    MissingColumn {
        /// The column's name in the database.
        column: String,
    },
    /// The column is redacted, so the log has no value of it.
    #[error("its value was redacted")]
    Redacted,
    /// The model's field refuses the value: null where there is no `Option`, or a word that an enum does not
    /// know.
    #[error("the model's field does not take {text}")]
    Refused {
        /// The value as JSON, or its beginning.
        text: String,
    },
    /// The image is of a row of another table.
    #[error("an image of `{found}`, not of `{expected}`")]
    OtherTable {
        /// The table of the model.
        expected: &'static str,
        /// The table of the image.
        found: String,
    },
    /// SeaORM made no model although all columns were set.
    #[error("no model from the image: {reason}")]
    NoModel {
        /// The reason that SeaORM gave.
        reason: String,
    },
}

impl ImageError {
    /// The column that the error concerns, if known.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::InColumn { column, .. } | Self::MissingColumn { column } => Some(column),
            _ => None,
        }
    }

    /// The same fact with a column's name; unchanged if it already names one.
    #[must_use]
    pub fn in_column(self, column: &str) -> Self {
        match self {
            Self::InColumn { .. } | Self::MissingColumn { .. } => self,
            fact => Self::InColumn {
                column: column.to_owned(),
                fact: Box::new(fact),
            },
        }
    }

    pub(super) fn wrong(expected: &'static str, found: &Json) -> Self {
        let found = match found {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        };
        Self::WrongJson { expected, found }
    }

    pub(super) fn malformed(expected: &'static str, text: &str) -> Self {
        Self::Malformed {
            expected,
            text: quoted(text),
        }
    }

    pub(super) fn out_of_range<T>(text: &str) -> Self {
        Self::OutOfRange {
            target: std::any::type_name::<T>(),
            text: quoted(text),
        }
    }

    /// The database has no such value.
    pub(crate) fn not_held(text: &str) -> Self {
        Self::OutOfRange {
            target: "the database's type",
            text: quoted(text),
        }
    }

    pub(crate) fn refused(json: &Json) -> Self {
        Self::Refused {
            text: quoted(&json.to_string()),
        }
    }
}

/// The beginning of a text, because errors end up in logs and whole rows must not.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
