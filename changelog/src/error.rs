//! The refusals of capture, and how they travel through SeaORM's error type.
//!
//! SeaORM's hooks and connections can only return `DbErr`. A [`CaptureError`] is put into the one variant
//! that keeps a source, so that callers get the fact back by [`CaptureError::of`] and never have to parse a
//! message.

use std::sync::Arc;

use sea_orm::DbErr;

use crate::image::ImageError;
use crate::log::Operation;

/// A write that capture refuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CaptureError {
    /// A statement would change a tracked table without being recorded.
    #[error(
        "{operation} on tracked table `{table}` would not be recorded; cure: write through the \
         entity's ActiveModel (insert, update, save, delete), which runs the capture hooks, or many \
         rows by the transaction's own insert_many, update_many, delete_many, upsert_many"
    )]
    Unrecorded {
        /// The tracked table.
        table: String,
        /// The kind of statement.
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
        /// The operation that was executed.
        operation: Operation,
    },
    /// The future of a statement was dropped before its result arrived.
    #[error(
        "a statement of the transaction was cut off, so the transaction was rolled back; cure: do \
         not drop the futures of a transaction, run it in a task of its own"
    )]
    CutOff,
    /// A commit was requested while a savepoint of the transaction was open.
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
    /// A tracked table was written outside a transaction, where row and change could be separated.
    #[error(
        "{operation} on tracked table `{table}` outside a transaction; cure: begin one on the \
         TrackedConnection and write through it"
    )]
    OutsideTransaction {
        /// The tracked table.
        table: String,
        /// The operation that was tried.
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
        /// The operation that was tried.
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
        /// The kind of statement.
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
    /// It cannot be determined which tables the raw statement writes.
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
    /// Another transaction wrote the row between two steps of this one; a retry helps.
    #[error("row of `{table}` was changed by another transaction at the same moment")]
    Raced {
        /// The tracked table.
        table: String,
    },
    /// Triggers have replaced hooks for the table, or hooks have replaced triggers, since this connection
    /// last checked; a retry helps.
    #[error(
        "triggers now record `{table}`, and did not know yet on whose behalf it was written; cure: \
         try the whole transaction again"
    )]
    Switched {
        /// The tracked table.
        table: String,
    },
    /// Triggers should record the table, but one of them is missing or disabled, so the write would not be
    /// recorded.
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
        "an update of `{table}` cannot change a key; cure: insert a new row, delete the old one"
    )]
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
    /// A bulk call found more rows than it may write.
    #[error("more than {most} rows of `{table}` to write")]
    TooMany {
        /// The tracked table.
        table: String,
        /// The most rows that it may write.
        most: u64,
    },
    /// The change of a row, or the change of its next update, would be larger than the database takes. A
    /// change holds the row as it was and as it is.
    #[error(
        "row {key} of `{table}` is too large: a change of it would take {bytes} bytes in the log, and one \
         statement has at most {most}; cure: a larger max_allowed_packet"
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
    #[error(
        "a statement of {bytes} bytes is too large: the database takes {most}; cure: a larger \
         max_allowed_packet"
    )]
    StatementTooLarge {
        /// The bytes that the statement takes.
        bytes: usize,
        /// The bytes that the database takes.
        most: usize,
    },
    /// MariaDB cannot make an image of a row from before tracking, so no change of it could be recorded
    /// either.
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
    /// A model to upsert does not set a value by which its row is found.
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
    /// A column of the primary key is hidden from the log, which could then identify no row.
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
        /// The error of the database.
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
    /// A message between hook and connection was not understood, because two versions of this crate are
    /// linked.
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
