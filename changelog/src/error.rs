//! What capture refuses, and how the refusal travels through SeaORM's own error type.
//!
//! SeaORM's hooks and connections can only return `DbErr`. A [`CaptureError`] rides in the one
//! variant that keeps a source, so that callers get the fact back by [`CaptureError::of`] and
//! never have to read a message.

use std::sync::Arc;

use sea_orm::DbErr;

use crate::image::ImageError;
use crate::log::Operation;

/// A write that capture refuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CaptureError {
    /// A statement would change a tracked table and nothing would record it.
    #[error(
        "{operation} on tracked table `{table}` would not be recorded; cure: write through the \
         entity's ActiveModel (insert, update, save, delete), which runs the capture hooks, or many \
         rows by the transaction's own insert_many, update_many, delete_many, upsert_many"
    )]
    Unrecorded {
        /// The tracked table.
        table: String,
        /// What the statement does.
        operation: Operation,
    },
    /// A transaction was about to commit a change whose hook never finished.
    #[error(
        "{operation} on tracked table `{table}` was executed but not recorded, so the transaction \
         was rolled back; cure: use calls that run both hooks (`update`, not \
         `update_without_returning`) and do not commit after a hook failed"
    )]
    Unfinished {
        /// The tracked table.
        table: String,
        /// What was executed.
        operation: Operation,
    },
    /// The future of a statement was dropped before its answer came.
    #[error(
        "a statement of the transaction was cut off, so the transaction was rolled back; cure: do \
         not drop the futures of a transaction, run it in a task of its own"
    )]
    CutOff,
    /// The transaction was to commit while a savepoint of it was open.
    #[error(
        "a savepoint of the transaction is still open, so the transaction was rolled back; cure: commit \
         the savepoint or roll it back before the transaction"
    )]
    SavepointOpen,
    /// The database ended the transaction at an earlier error.
    #[error(
        "the database ended the transaction at an earlier error, so nothing more can be written in \
         it; cure: pass errors on, and try the whole transaction again"
    )]
    Ended,
    /// A tracked table was written outside a transaction, where row and change could part.
    #[error(
        "{operation} on tracked table `{table}` outside a transaction; cure: begin one on the \
         TrackedConnection and write through it"
    )]
    OutsideTransaction {
        /// The tracked table.
        table: String,
        /// What was tried.
        operation: Operation,
    },
    /// A tracked entity was written through a connection that does not capture.
    #[error(
        "{operation} on tracked table `{table}` through a connection that does not record changes; \
         cure: use a TrackedConnection"
    )]
    Untracked {
        /// The tracked table.
        table: String,
        /// What was tried.
        operation: Operation,
    },
    /// A foreign key's action would change tracked rows where no hook runs.
    #[error(
        "{operation} on `{parent}` would make the database change rows of tracked table `{child}` \
         by a foreign key's action, unrecorded; cure: let the foreign key restrict, and write the \
         dependent rows first; or, but not on MariaDB, whose foreign keys fire no triggers, let \
         triggers record `{child}` (track_by_triggers in a migration), and write in a transaction"
    )]
    Cascade {
        /// The table of the statement.
        parent: String,
        /// The tracked table that the database would write.
        child: String,
        /// What the statement does.
        operation: Operation,
    },
    /// The raw statement writes a tracked table.
    #[error(
        "raw {verb} names tracked table `{table}` and would not be recorded; cure: write through \
         the entity's ActiveModel, or let triggers record the table and write in a transaction"
    )]
    RawWrite {
        /// The tracked table.
        table: String,
        /// The statement's first word.
        verb: String,
    },
    /// What the raw statement writes cannot be told.
    #[error(
        "raw {verb} may write a tracked table; cure: run it on a connection of your own if it \
         does not"
    )]
    RawUnclear {
        /// The statement's first word.
        verb: String,
    },
    /// Transactions are opened and closed by the connection, never by raw SQL.
    #[error("raw {verb} on a tracked connection; cure: use begin, commit and rollback of the API")]
    RawTransaction {
        /// The statement's first word.
        verb: String,
    },
    /// Another transaction wrote the row between two steps of this one; trying again helps.
    #[error("row of `{table}` was changed by another transaction at the same moment")]
    Raced {
        /// The tracked table.
        table: String,
    },
    /// Triggers have taken the table over from hooks, or hooks from triggers, since this connection
    /// looked last; trying again helps.
    #[error(
        "triggers now record `{table}`, and did not know yet on whose behalf it was written; cure: \
         try the whole transaction again"
    )]
    Switched {
        /// The tracked table.
        table: String,
    },
    /// Triggers should record the table, and one of them is missing or switched off: the write would be
    /// in no log.
    #[error(
        "the triggers that should record `{table}` are missing or disabled, so the transaction was \
         refused; cure: track_by_triggers in a migration, or ALTER TABLE … ENABLE TRIGGER; `doctor` \
         names them"
    )]
    TriggersGone {
        /// The tracked table.
        table: String,
    },
    /// A bulk update would give a row another key.
    #[error(
        "an update of `{table}` cannot change a key; cure: insert the row anew, delete the old one"
    )]
    KeyChanged {
        /// The tracked table.
        table: String,
    },
    /// A call that was to write only rows unchanged since a position found others.
    #[error("{} rows of `{table}` have been changed since", current.len())]
    ChangedSince {
        /// The tracked table.
        table: String,
        /// The rows as they are now, by column; of a large call those found first.
        current: Vec<crate::Image>,
    },
    /// A bulk call found more rows than it may write.
    #[error("more than {most} rows of `{table}` to write")]
    TooMany {
        /// The tracked table.
        table: String,
        /// Most rows.
        most: u64,
    },
    /// A row whose change, or the change of its next update, the database would not take: that holds the row
    /// as it was and as it is.
    #[error(
        "row {key} of `{table}` is too large: a change of it would take {bytes} bytes in the log, and one \
         statement has at most {most}; cure: a larger max_allowed_packet"
    )]
    TooLarge {
        /// The tracked table.
        table: String,
        /// The row's key, as JSON.
        key: String,
        /// What the change takes.
        bytes: usize,
        /// What the database takes.
        most: usize,
    },
    /// A statement that the database would not take. It is not sent: MariaDB would close the connection.
    #[error(
        "a statement of {bytes} bytes is too large: the database takes {most}; cure: a larger \
         max_allowed_packet"
    )]
    StatementTooLarge {
        /// What the statement takes.
        bytes: usize,
        /// What the database takes.
        most: usize,
    },
    /// A row from before tracking that MariaDB cannot write down: no change of it could be recorded either.
    #[error(
        "row {key} of `{table}` is too large: written down it does not fit into max_allowed_packet; cure: a \
         larger one"
    )]
    NoImage {
        /// The table.
        table: String,
        /// The row's key, as JSON.
        key: String,
    },
    /// A model to upsert does not say which row it means.
    #[error("an upsert of `{table}` needs a value in column `{column}`, by which it finds the row")]
    NoConflictValue {
        /// The tracked table.
        table: String,
        /// The column without a value; empty if no column was named.
        column: String,
    },
    /// The columns by which an upsert finds its row are not unique.
    #[error(
        "an upsert of `{table}` found several rows for one; cure: name the columns of the primary \
         key or of a unique index"
    )]
    NotUnique {
        /// The tracked table.
        table: String,
    },
    /// A column of the primary key is hidden from the log, which could then name no row.
    #[error(
        "`{column}` is in the primary key of `{table}` and cannot be redacted or excluded; cure: \
         take it out of the `track!` line"
    )]
    HiddenKey {
        /// The tracked table.
        table: String,
        /// The column.
        column: &'static str,
    },
    /// A number that the database's integers cannot hold.
    #[error("column `{column}`: {value} is above 9223372036854775807, the largest integer here")]
    IntegerTooLarge {
        /// The column.
        column: String,
        /// The value.
        value: u64,
    },
    /// A type that only PostgreSQL has.
    #[error("column `{column}`: {database} has no such type")]
    UnsupportedHere {
        /// The column.
        column: String,
        /// The database.
        database: &'static str,
    },
    /// A value that the database does not have, or that its driver would turn into another.
    #[error("column `{column}`: a value that the database cannot hold")]
    OutOfRange {
        /// The column.
        column: String,
    },
    /// The row cannot be written down as an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A row has a value that its entity's model cannot hold, and the call returns models.
    #[error(
        "a row of `{table}` has a value that its entity cannot hold; cure: `doctor` names it, and an \
         update of that column repairs it; update_rows and insert_rows return such rows as images"
    )]
    NoModel {
        /// The tracked table.
        table: String,
    },
    /// The change could not be written to the log.
    #[error("the change of `{table}` could not be recorded: {source}")]
    Log {
        /// The tracked table.
        table: String,
        /// What the database said.
        source: DbErr,
    },
    /// There is no such table.
    #[error("there is no table `{table}`")]
    NoTable {
        /// The name given.
        table: String,
    },
    /// Neither hooks nor triggers record the table.
    #[error(
        "table `{table}` is not tracked; cure: a `track!` line in its entity, in a program that has \
         the entity linked, or track_by_triggers in a migration"
    )]
    NotTracked {
        /// The table.
        table: String,
    },
    /// The database has no change log yet.
    #[error(
        "the database has no change log; cure: call create_change_log in an earlier migration, or \
         earlier in this one"
    )]
    NoChangeLog,
    /// A message between hook and connection was not understood: two versions of this crate.
    #[error("hook and connection disagree; cure: use one version of seachange-changelog")]
    Protocol,
}

impl CaptureError {
    /// The capture error inside a database error, if there is one.
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<CaptureError> for DbErr {
    fn from(error: CaptureError) -> Self {
        DbErr::TryIntoErr {
            from: "write",
            into: "change",
            source: Arc::new(error),
        }
    }
}
