//! Transactions that another one was in the way of.

/// Why a transaction has to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Retry {
    /// The database ended the transaction at an earlier error.
    #[error(
        "the database ended the transaction at an earlier error, so nothing more can be written in it"
    )]
    Ended,
    /// Another transaction wrote the row between two steps of this one.
    #[error("row of `{table}` was changed by another transaction at the same moment")]
    Raced {
        /// The tracked table.
        table: String,
    },
    /// Triggers have replaced hooks for the table, or hooks have replaced triggers, since this connection
    /// last checked.
    #[error("triggers now record `{table}`, and did not know yet on whose behalf it was written")]
    Switched {
        /// The tracked table.
        table: String,
    },
}

impl Retry {
    /// What to do about it, if the message alone does not say so.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::Ended => Some("pass errors on, and try the whole transaction again"),
            Self::Raced { .. } => None,
            Self::Switched { .. } => Some("try the whole transaction again"),
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Ended => "SEACHANGE_ENDED",
            Self::Raced { .. } => "SEACHANGE_RACED",
            Self::Switched { .. } => "SEACHANGE_SWITCHED",
        }
    }
}
