//! What a migration, an entity or an operator has to put right.

/// Why the database, a table or an entity does not allow what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupRefusal {
    /// The database has no change log yet.
    #[error("the database has no change log")]
    NoChangeLog,
    /// There is no such table.
    #[error("there is no table `{table}`")]
    NoTable {
        /// The name given.
        table: String,
    },
    /// Neither hooks nor triggers record the table.
    #[error("table `{table}` is not tracked")]
    NotTracked {
        /// The table.
        table: String,
    },
    /// Triggers should record the table, but one of them is missing or disabled, so the write would not be
    /// recorded.
    #[error(
        "the triggers that should record `{table}` are missing or disabled, so the transaction was \
         refused"
    )]
    TriggersGone {
        /// The tracked table.
        table: String,
    },
    /// A column of the primary key is hidden from the log, which could then identify no row.
    #[error("`{column}` is in the primary key of `{table}` and cannot be redacted or excluded")]
    HiddenKey {
        /// The tracked table.
        table: String,
        /// The column.
        column: &'static str,
    },
    /// Options for triggers hide a column of the primary key.
    #[error("key column `{column}` of `{table}` must be shown")]
    KeyNotShown {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The table has no primary key.
    #[error("table `{table}` has no primary key, so its rows cannot be identified")]
    NoPrimaryKey {
        /// The table.
        table: String,
    },
    /// Triggers would write the key in a form that a reader could not look up.
    #[error(
        "triggers take keys of integers, texts and UUIDs; `{column}` of `{table}` is {type_name}"
    )]
    KeyType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column's type in the catalogue's words.
        type_name: String,
    },
    /// Options for triggers name a column that the table does not have.
    #[error("table `{table}` has no column `{column}`")]
    NoColumn {
        /// The table.
        table: String,
        /// The name given.
        column: String,
    },
    /// SQLite: triggers cannot know which rows a `REPLACE` removes by the index.
    #[error(
        "unique index {index} is on an expression: the rows that a REPLACE removes by it cannot be found"
    )]
    ExpressionIndex {
        /// The index, quoted.
        index: String,
    },
    /// Columns that the log knows are no longer in the table.
    #[error("table `{table}` has lost columns without change_tables")]
    LostColumns {
        /// The table.
        table: String,
    },
    /// The table's primary key has columns that the log does not know as its key.
    #[error("the key of table `{table}` is not as capture knows it")]
    KeyUnknown {
        /// The table.
        table: String,
    },
    /// A table cannot be renamed, because the log knows another table by the new name.
    #[error("the log has changes of another table `{new}`: `{old}` cannot get its name")]
    NameTaken {
        /// The table.
        old: String,
        /// The name that it was to get.
        new: String,
    },
    /// MariaDB: changes of a renamed table were still waiting for their places in the log.
    #[error("changes of `{table}` do not get their places: run it again")]
    NotPlaced {
        /// The table's old name.
        table: String,
    },
    /// PostgreSQL: no schema of the search path exists.
    #[error("no schema is current")]
    NoSchema,
}

impl SetupRefusal {
    /// What to do about it, if the message alone does not say so.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::NoChangeLog => {
                Some("call create_change_log in an earlier migration, or earlier in this one")
            }
            Self::NotTracked { .. } => Some(
                "a `track!` line in its entity, in a program that has the entity linked, or \
                 track_by_triggers in a migration",
            ),
            Self::TriggersGone { .. } => Some(
                "track_by_triggers in a migration, or ALTER TABLE … ENABLE TRIGGER; `doctor` names \
                 them",
            ),
            Self::HiddenKey { .. } => Some("take it out of the `track!` line"),
            Self::NoTable { .. }
            | Self::KeyNotShown { .. }
            | Self::NoPrimaryKey { .. }
            | Self::KeyType { .. }
            | Self::NoColumn { .. }
            | Self::ExpressionIndex { .. }
            | Self::LostColumns { .. }
            | Self::KeyUnknown { .. }
            | Self::NameTaken { .. }
            | Self::NotPlaced { .. }
            | Self::NoSchema => None,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoChangeLog => "SEACHANGE_NO_CHANGE_LOG",
            Self::NoTable { .. } => "SEACHANGE_NO_TABLE",
            Self::NotTracked { .. } => "SEACHANGE_NOT_TRACKED",
            Self::TriggersGone { .. } => "SEACHANGE_TRIGGERS_GONE",
            Self::HiddenKey { .. } => "SEACHANGE_HIDDEN_KEY",
            Self::KeyNotShown { .. } => "SEACHANGE_KEY_NOT_SHOWN",
            Self::NoPrimaryKey { .. } => "SEACHANGE_NO_PRIMARY_KEY",
            Self::KeyType { .. } => "SEACHANGE_KEY_TYPE",
            Self::NoColumn { .. } => "SEACHANGE_NO_COLUMN",
            Self::ExpressionIndex { .. } => "SEACHANGE_EXPRESSION_INDEX",
            Self::LostColumns { .. } => "SEACHANGE_LOST_COLUMNS",
            Self::KeyUnknown { .. } => "SEACHANGE_KEY_UNKNOWN",
            Self::NameTaken { .. } => "SEACHANGE_NAME_TAKEN",
            Self::NotPlaced { .. } => "SEACHANGE_NOT_PLACED",
            Self::NoSchema => "SEACHANGE_NO_SCHEMA",
        }
    }
}
