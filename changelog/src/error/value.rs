//! Values that cannot be bound or logged.

use crate::image::ImageError;

/// Why a value cannot be stored, or a row with it not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueRefusal {
    /// A number is too large for the database's integers.
    #[error("column `{column}`: {value} is above 9223372036854775807, the largest integer here")]
    IntegerTooLarge {
        /// The column.
        column: String,
        /// The value.
        value: u64,
    },
    /// The type exists only on PostgreSQL.
    #[error("column `{column}`: {database} has no such type")]
    UnsupportedHere {
        /// The column.
        column: String,
        /// The database.
        database: &'static str,
    },
    /// The database cannot store the value, or its driver would change it.
    #[error("column `{column}`: a value that the database cannot hold")]
    OutOfRange {
        /// The column.
        column: String,
    },
    /// The row cannot be written down as an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The change of a row, or the change of its next update, would be larger than the database takes. A
    /// change holds the row as it was and as it is.
    #[error(
        "row {key} of `{table}` is too large: a change of it would take {bytes} bytes in the log, and one \
         statement has at most {most}"
    )]
    TooLarge {
        /// The tracked table.
        table: String,
        /// The row's key, as JSON.
        key: String,
        /// The bytes that the change takes.
        bytes: usize,
        /// The bytes that the database takes.
        most: usize,
    },
    /// A statement is larger than the database takes. It is not sent, because MariaDB would close the
    /// connection.
    #[error("a statement of {bytes} bytes is too large: the database takes {most}")]
    StatementTooLarge {
        /// The bytes that the statement takes.
        bytes: usize,
        /// The bytes that the database takes.
        most: usize,
    },
    /// MariaDB cannot make an image of a row from before tracking, so no change of it could be recorded
    /// either.
    #[error(
        "row {key} of `{table}` is too large: written down it does not fit into max_allowed_packet"
    )]
    NoImage {
        /// The table.
        table: String,
        /// The row's key, as JSON.
        key: String,
    },
}

impl ValueRefusal {
    /// What to do about it, if the message alone does not say so.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } | Self::StatementTooLarge { .. } => {
                Some("a larger max_allowed_packet")
            }
            Self::NoImage { .. } => Some("a larger one"),
            Self::IntegerTooLarge { .. }
            | Self::UnsupportedHere { .. }
            | Self::OutOfRange { .. }
            | Self::Image(_) => None,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::IntegerTooLarge { .. } => "SEACHANGE_INTEGER_TOO_LARGE",
            Self::UnsupportedHere { .. } => "SEACHANGE_UNSUPPORTED_TYPE",
            Self::OutOfRange { .. } => "SEACHANGE_OUT_OF_RANGE",
            Self::Image(_) => "SEACHANGE_IMAGE",
            Self::TooLarge { .. } => "SEACHANGE_ROW_TOO_LARGE",
            Self::StatementTooLarge { .. } => "SEACHANGE_STATEMENT_TOO_LARGE",
            Self::NoImage { .. } => "SEACHANGE_NO_IMAGE",
        }
    }
}
