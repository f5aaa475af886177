//! What a level of a transaction knows about the triggers that capture its tables: whether they have been sent
//! the context, and for which tables.
//!
//! It is one value, so that a savepoint can take it back as a whole: the database forgets the context that was
//! sent after the savepoint. Pure: this module knows no connection. Table names are in lower case.

use std::collections::BTreeSet;

/// What the triggers of a level know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TriggerContext {
    /// The database has the context in which this level writes now.
    is_sent: bool,
    /// This level has stored a context in the database, which the commit must remove.
    is_stored: bool,
    /// PostgreSQL: the transaction sees the database as it was at its first statement.
    sees_snapshot: bool,
    /// Tables written after the triggers had the context.
    written: BTreeSet<String>,
    /// Tables that triggers capture until the end of this level.
    relied_on: BTreeSet<String>,
}

impl TriggerContext {
    /// The state with which a savepoint begins.
    pub(super) fn nested(&self) -> Self {
        Self {
            is_stored: false,
            ..self.clone()
        }
    }

    /// Takes over what a savepoint did that is now released. Its locks last, but what they made certain is
    /// asked again.
    pub(super) fn absorb(&mut self, released: Self) {
        if released.is_stored {
            self.is_stored = true;
            self.is_sent = released.is_sent;
            self.sees_snapshot = released.sees_snapshot;
        }
        self.written.extend(released.written);
    }

    /// The state when the transaction goes on in another context. Nothing is relied on any more, because a
    /// table that is relied on is not asked about again, and asking is what sends the context.
    pub(super) fn in_another_context(&self) -> Self {
        Self {
            is_sent: false,
            written: BTreeSet::new(),
            relied_on: BTreeSet::new(),
            ..*self
        }
    }

    /// The context has been sent.
    pub(super) fn set_sent(&mut self, sees_snapshot: bool) {
        self.sees_snapshot = sees_snapshot;
        self.is_sent = true;
        self.is_stored = true;
    }

    /// The table is about to be written, and its triggers have the context.
    pub(super) fn note_written(&mut self, table: String) {
        self.written.insert(table);
    }

    /// Triggers capture the table until the end of the level, and have the context.
    pub(super) fn rely_on(&mut self, table: String) {
        self.written.insert(table.clone());
        self.relied_on.insert(table);
    }

    pub(super) fn is_sent(&self) -> bool {
        self.is_sent
    }

    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    pub(super) fn sees_snapshot(&self) -> bool {
        self.sees_snapshot
    }

    /// Whether the triggers of the table had the context when it was written.
    pub(super) fn was_known_to(&self, table: &str) -> bool {
        self.written.contains(table)
    }

    /// The tables that triggers are certain to capture.
    pub(super) fn relied_on(&self) -> &BTreeSet<String> {
        &self.relied_on
    }
}
