//! Calls that write many rows and cannot do what they were asked.

/// Why a call that writes many rows was refused. It has written nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkRefusal {
    /// An update would give a row another key.
    #[error("an update of `{table}` cannot change a key")]
    KeyChanged {
        /// The tracked table.
        table: String,
    },
    /// A call that was to write only rows unchanged since a position found rows changed after it.
    #[error("{} rows of `{table}` have been changed since", current.len())]
    ChangedSince {
        /// The tracked table.
        table: String,
        /// The rows as they are now, by column; for a large call only those found first.
        current: Vec<crate::Image>,
    },
    /// The call found more rows than it may write.
    #[error("more than {most} rows of `{table}` to write")]
    TooMany {
        /// The tracked table.
        table: String,
        /// The most rows that it may write.
        most: u64,
    },
    /// An upsert names no column by which it finds a row.
    #[error("an upsert of `{table}` names no column by which it finds the row")]
    NoConflictColumn {
        /// The tracked table.
        table: String,
    },
    /// A model to upsert does not set a value by which its row is found.
    #[error("an upsert of `{table}` needs a value in column `{column}`, by which it finds the row")]
    NoConflictValue {
        /// The tracked table.
        table: String,
        /// The column without a value.
        column: String,
    },
    /// The columns by which an upsert finds its row are not unique.
    #[error("an upsert of `{table}` found several rows for one")]
    NotUnique {
        /// The tracked table.
        table: String,
    },
    /// A row has a value that its entity's model cannot hold, and the call returns models.
    #[error("a row of `{table}` has a value that its entity cannot hold")]
    NoModel {
        /// The tracked table.
        table: String,
    },
}

impl BulkRefusal {
    /// What to do about it, if the message alone does not say so.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::KeyChanged { .. } => Some("insert a new row, delete the old one"),
            Self::NoConflictColumn { .. } | Self::NotUnique { .. } => {
                Some("name the columns of the primary key or of a unique index")
            }
            Self::NoModel { .. } => Some(
                "`doctor` names it, and an update of that column repairs it; update_rows and \
                 insert_rows return such rows as images",
            ),
            Self::ChangedSince { .. } | Self::TooMany { .. } | Self::NoConflictValue { .. } => None,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::KeyChanged { .. } => "SEACHANGE_KEY_CHANGED",
            Self::ChangedSince { .. } => "SEACHANGE_CHANGED_SINCE",
            Self::TooMany { .. } => "SEACHANGE_TOO_MANY",
            Self::NoConflictColumn { .. } => "SEACHANGE_NO_CONFLICT_COLUMN",
            Self::NoConflictValue { .. } => "SEACHANGE_NO_CONFLICT_VALUE",
            Self::NotUnique { .. } => "SEACHANGE_NOT_UNIQUE",
            Self::NoModel { .. } => "SEACHANGE_NO_MODEL",
        }
    }
}
