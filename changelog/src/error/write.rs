//! Writes that are refused before they run.

use std::borrow::Cow;

use crate::log::Operation;

/// A write that would change a tracked table without being recorded. The statement has not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteRefusal {
    /// A statement would change a tracked table without being recorded.
    #[error("{operation} on tracked table `{table}` would not be recorded")]
    Unrecorded {
        /// The tracked table.
        table: String,
        /// The kind of statement.
        operation: Operation,
    },
    /// A tracked table was written outside a transaction, where row and change could be separated.
    #[error("{operation} on tracked table `{table}` outside a transaction")]
    OutsideTransaction {
        /// The tracked table.
        table: String,
        /// The operation that was tried.
        operation: Operation,
        /// Whether the same call would be recorded within a transaction: it runs the entity's hooks.
        runs_hooks: bool,
    },
    /// A tracked entity was written through a connection that does not capture.
    #[error(
        "{operation} on tracked table `{table}` through a connection that does not record changes"
    )]
    Untracked {
        /// The tracked table.
        table: String,
        /// The operation that was tried.
        operation: Operation,
    },
    /// The connection requires an actor, and the context of the transaction has none.
    #[error("a write of tracked table `{table}` without an actor")]
    NoActor {
        /// The tracked table.
        table: String,
    },
    /// A foreign key's action would change tracked rows where no hook runs.
    #[error(
        "{operation} on `{parent}` would make the database change rows of tracked table `{child}` \
         by a foreign key's action, unrecorded"
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
    #[error("raw {verb} names tracked table `{table}` and would not be recorded")]
    RawWrite {
        /// The tracked table.
        table: String,
        /// The statement's first word.
        verb: String,
    },
    /// It cannot be determined which tables the raw statement writes.
    #[error("raw {verb} may write a tracked table")]
    RawUnclear {
        /// The statement's first word.
        verb: String,
    },
    /// Transactions are opened and closed by the connection, never by raw SQL.
    #[error("raw {verb} may begin or end a transaction")]
    RawTransaction {
        /// The statement's first word.
        verb: String,
    },
    /// A message between hook and connection was not understood, because two versions of this crate are
    /// linked.
    #[error("hook and connection disagree")]
    Protocol,
}

impl WriteRefusal {
    /// What to do about it.
    pub fn cure(&self) -> Cow<'static, str> {
        let cure = match self {
            Self::Unrecorded { .. } => {
                "write through the entity's ActiveModel (insert, update, save, delete), which runs \
                 the capture hooks, or many rows by the transaction's own insert_many, update_where, \
                 delete_many, upsert_many; or let triggers record the table (track_by_triggers in a \
                 migration)"
            }
            Self::OutsideTransaction {
                runs_hooks: true, ..
            } => {
                "begin one on the TrackedConnection, or call its `write`, and write through it; or let \
                 triggers record the table (track_by_triggers in a migration)"
            }
            Self::OutsideTransaction {
                runs_hooks: false, ..
            } => {
                "let triggers record the table (track_by_triggers in a migration); or begin a \
                 transaction on the TrackedConnection, or call its `write`, and there use the entity's \
                 ActiveModel (insert, update, save, delete) or, for many rows, the transaction's own \
                 insert_many, update_where, delete_many, upsert_many"
            }
            Self::Untracked { .. } => {
                "use a TrackedConnection, or let triggers record the table (track_by_triggers in a \
                 migration)"
            }
            Self::NoActor { .. } => {
                "say who writes: with_context(Context::actor(…)) on the connection, for each request"
            }
            Self::Cascade { child, .. } => {
                return Cow::Owned(format!(
                    "let the foreign key restrict, and write the dependent rows first; or, but not \
                     on MariaDB, whose foreign keys fire no triggers, let triggers record `{child}` \
                     (track_by_triggers in a migration), and write in a transaction"
                ));
            }
            Self::RawWrite { .. } => {
                "write through the entity's ActiveModel, or let triggers record the table and write \
                 in a transaction"
            }
            Self::RawUnclear { .. } => "run it on a connection of your own if it does not",
            Self::RawTransaction { .. } => "use begin, commit and rollback of the API",
            Self::Protocol => "use one version of seachange-changelog",
        };
        Cow::Borrowed(cure)
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unrecorded { .. } => "SEACHANGE_UNRECORDED",
            Self::OutsideTransaction { .. } => "SEACHANGE_OUTSIDE_TRANSACTION",
            Self::Untracked { .. } => "SEACHANGE_UNTRACKED_CONNECTION",
            Self::NoActor { .. } => "SEACHANGE_NO_ACTOR",
            Self::Cascade { .. } => "SEACHANGE_CASCADE",
            Self::RawWrite { .. } => "SEACHANGE_RAW_WRITE",
            Self::RawUnclear { .. } => "SEACHANGE_RAW_UNCLEAR",
            Self::RawTransaction { .. } => "SEACHANGE_RAW_TRANSACTION",
            Self::Protocol => "SEACHANGE_PROTOCOL",
        }
    }
}
