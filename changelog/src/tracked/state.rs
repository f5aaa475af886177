//! A transaction's state: one machine for the transaction and its savepoints.
//!
//! A transaction has levels: itself, and one for each nested transaction that was begun in it. Each level has a
//! [`Condition`], its books ([`Ledger`]), and what its triggers know ([`TriggerContext`]). The whole state is
//! one value behind one lock ([`scope`](super::scope)), which nothing holds while it waits for the database.
//! This module is pure: it knows no connection and no SQL.
//!
//! | condition of a level | event | condition after it |
//! |---|---|---|
//! | – | the level begins | `Open`; `Ended` if the transaction has ended |
//! | `Open` | an error, after which the database takes only a rollback of this level | `Failed` |
//! | `Failed` | the database has gone back to a savepoint within the level | `Open` |
//! | `Open` | going back to a savepoint fails | `Failed` |
//! | `Open`, `Failed` | the database has ended the transaction | `Ended`, on all levels |
//! | `Open`, `Failed` | a level ends before one that was begun within it | `Ended`, on all levels |
//! | `Ended` | anything | `Ended` |
//!
//! Statements are sent on a level that is `Open`. A level may commit if it is `Open`, its books are closed, no
//! level within it is open, and no answer is missing.
//!
//! # Dropped futures
//!
//! A future that is dropped while it waits causes no event, so being cut off is no condition. Instead, what is
//! begun is counted, and only an answer takes it out of the count again. When a level is to commit, nothing of
//! it can still be waiting, so what is left in the count was cut off:
//!
//! | where the future is dropped | what remains | what follows |
//! |---|---|---|
//! | before its statement is sent | nothing | the transaction goes on |
//! | while a statement is under way | its place in `unanswered` | no level commits: the driver may take the late answer for that of the next statement |
//! | in the work of a savepoint, between statements | its place in `works` of the level | the level does not commit: part of the work may be done |
//! | while the transaction ends | nothing that anybody could ask | whether it was committed is not known; rows and changes share its fate |
//!
//! Dropping the transaction rolls it back, and a pool that is [clean](crate::closing_unclean) closes a
//! connection that is still inside a transaction. If the process dies, the database rolls back whatever it has
//! not committed: rows, changes and context are in the same transaction.

use std::sync::Arc;

use super::ledger::Ledger;
use super::trigger_context::TriggerContext;
use crate::context::Context;
use crate::database::After;
use crate::error::{CaptureError, CommitRefusal, Retry};
use crate::log::Operation;

/// What a level of a transaction can still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It takes statements.
    Open,
    /// The database takes nothing but a rollback of this level, or to a savepoint within it.
    Failed,
    /// Nothing of the transaction is stored, and nothing more can be written in it.
    Ended,
}

/// Why a level must not commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A future was dropped, so it is not known what the connection will answer next.
    CutOff,
    /// A level within it is open, and the driver would end that one instead.
    SavepointOpen,
    /// It has failed or ended.
    Ended,
    /// A statement has written this table, and the change is not recorded.
    Unfinished { table: String, operation: Operation },
}

impl From<Refusal> for CaptureError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CutOff => CommitRefusal::CutOff.into(),
            Refusal::SavepointOpen => CommitRefusal::SavepointOpen.into(),
            Refusal::Ended => Retry::Ended.into(),
            Refusal::Unfinished { table, operation } => {
                CommitRefusal::Unfinished { table, operation }.into()
            }
        }
    }
}

/// A level, identified by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelId(usize);

/// The state of one level.
#[derive(Debug)]
pub(super) struct Level {
    condition: Condition,
    pub(super) books: Ledger,
    pub(super) triggers: TriggerContext,
    /// Savepoints whose work is under way or was cut off.
    works: usize,
    parent: Option<LevelId>,
    /// The driver counts it as open.
    is_counted: bool,
}

/// What a level goes back to when the work after a savepoint fails.
#[derive(Debug)]
pub(super) struct Savepoint {
    books: Ledger,
    triggers: TriggerContext,
}

/// What a level goes back to when it writes in its first context again.
#[derive(Debug)]
pub(super) struct PriorContext {
    context: Arc<Context>,
    triggers: TriggerContext,
}

/// The state of a transaction.
#[derive(Debug)]
pub(super) struct State {
    levels: Vec<Level>,
    /// Statements that were sent and not answered.
    unanswered: usize,
    context: Arc<Context>,
    has_recorded: bool,
    has_lock_limit: bool,
    /// Statements on tracked tables so far.
    writes: usize,
    /// Savepoints named so far.
    savepoints: usize,
}

impl State {
    /// The state of a transaction without levels.
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            levels: Vec::new(),
            unanswered: 0,
            context,
            has_recorded: false,
            has_lock_limit: false,
            writes: 0,
            savepoints: 0,
        }
    }

    /// A level has begun: the transaction itself, or a level within `parent`.
    pub(super) fn begin_level(&mut self, parent: Option<LevelId>) -> LevelId {
        let has_ended = self.levels.iter().any(Level::has_ended);
        let triggers = parent.map(|parent| self.level(parent).triggers.nested());
        self.levels.push(Level {
            condition: if has_ended {
                Condition::Ended
            } else {
                Condition::Open
            },
            books: Ledger::default(),
            triggers: triggers.unwrap_or_default(),
            works: 0,
            parent,
            is_counted: true,
        });
        LevelId(self.levels.len() - 1)
    }

    /// The level is gone. If one within it is open, what is left is out of step with the driver's count, and
    /// must not commit.
    pub(super) fn end_level(&mut self, id: LevelId) {
        if self.has_open_level_within(id) {
            self.end();
        }
        self.level(id).is_counted = false;
        while self.levels.last().is_some_and(|level| !level.is_counted) {
            self.levels.pop();
        }
    }

    /// A level, which is there from its beginning to its end.
    pub(super) fn level(&mut self, id: LevelId) -> &mut Level {
        // The id is private to the guard of the level, which ends it.
        &mut self.levels[id.0]
    }

    /// The number of levels that the driver counts as open.
    pub(super) fn open_levels(&self) -> usize {
        self.levels.iter().filter(|level| level.is_counted).count()
    }

    /// Whether a level within this one is open. The driver would take an end of this level for an end of that
    /// one.
    pub(super) fn has_open_level_within(&self, id: LevelId) -> bool {
        self.open_levels() > id.0 + 1
    }

    /// A statement is about to be sent on the level. Returns whether it may be.
    pub(super) fn begin_statement(&mut self, id: LevelId) -> bool {
        let may_be = self.level(id).condition == Condition::Open;
        self.unanswered += usize::from(may_be);
        may_be
    }

    /// A statement is about to be sent that the database takes in any condition: it asks the catalogue, takes
    /// the level back or ends it.
    pub(super) fn begin_in_any_condition(&mut self) {
        self.unanswered += 1;
    }

    /// A statement was answered.
    pub(super) fn end_statement(&mut self) {
        self.unanswered -= 1;
    }

    /// The database has reported an error on the level, which left the transaction like this.
    pub(super) fn note_error(&mut self, id: LevelId, after: After) {
        match after {
            After::Alive => {}
            After::Failed => self.level(id).fail(),
            After::Ended => self.end(),
        }
    }

    fn end(&mut self) {
        for level in &mut self.levels {
            level.condition = Condition::Ended;
        }
    }

    /// A name that no other savepoint of the transaction has.
    pub(super) fn name_savepoint(&mut self) -> String {
        let name = format!("seachange_{}", self.savepoints);
        self.savepoints += 1;
        name
    }

    /// The context in which the transaction writes now.
    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The transaction writes in another context from now on.
    pub(super) fn change_context(&mut self, id: LevelId, context: Arc<Context>) -> PriorContext {
        let context = std::mem::replace(&mut self.context, context);
        let other = self.level(id).triggers.in_another_context();
        let triggers = std::mem::replace(&mut self.level(id).triggers, other);
        PriorContext { context, triggers }
    }

    /// The transaction writes in its prior context again. If the work in the other one was taken back, the
    /// database knows what it knew before it.
    pub(super) fn change_context_back(
        &mut self,
        id: LevelId,
        prior: PriorContext,
        is_taken_back: bool,
    ) {
        self.context = prior.context;
        let triggers = &mut self.level(id).triggers;
        *triggers = if is_taken_back {
            prior.triggers
        } else {
            triggers.in_another_context()
        };
    }

    /// A tracked table is about to be written.
    pub(super) fn count_write(&mut self) {
        self.writes += 1;
    }

    /// The number of statements that wrote a tracked table.
    pub(super) fn writes(&self) -> usize {
        self.writes
    }

    /// A change was written to the log. A savepoint may still take it back.
    pub(super) fn set_recorded(&mut self) {
        self.has_recorded = true;
    }

    /// Whether changes were written to the log.
    pub(super) fn has_recorded(&self) -> bool {
        self.has_recorded
    }

    /// The transaction's waits for locks are bounded more tightly than those of its connection.
    pub(super) fn set_lock_limit(&mut self) {
        self.has_lock_limit = true;
    }

    /// Whether the connection's bound must be restored.
    pub(super) fn has_lock_limit(&self) -> bool {
        self.has_lock_limit
    }

    /// Whether the level may commit. Nothing of it may be waiting for an answer when this is asked.
    pub(super) fn may_commit(&self, id: LevelId) -> Result<(), Refusal> {
        let Some(level) = self.levels.get(id.0) else {
            return Err(Refusal::Ended);
        };
        if level.works > 0 || self.unanswered > 0 {
            return Err(Refusal::CutOff);
        }
        if self.has_open_level_within(id) {
            return Err(Refusal::SavepointOpen);
        }
        if level.condition != Condition::Open {
            return Err(Refusal::Ended);
        }
        match level.books.open() {
            None => Ok(()),
            Some((table, operation)) => Err(Refusal::Unfinished {
                table: table.to_owned(),
                operation,
            }),
        }
    }

    /// The level was released: what it did belongs to the level around it.
    pub(super) fn release(&mut self, id: LevelId) {
        let Level {
            parent, triggers, ..
        } = self.level(id);
        if let Some(parent) = *parent {
            let released = std::mem::take(triggers);
            self.level(parent).triggers.absorb(released);
        }
    }
}

impl Level {
    /// Whether the transaction has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.condition == Condition::Ended
    }

    /// Only a rollback helps now.
    pub(super) fn fail(&mut self) {
        if !self.has_ended() {
            self.condition = Condition::Failed;
        }
    }

    /// The database has set a savepoint, and work begins that is kept as a whole or taken back.
    pub(super) fn begin_work(&mut self) -> Savepoint {
        self.works += 1;
        Savepoint {
            books: self.books.clone(),
            triggers: self.triggers.clone(),
        }
    }

    /// The database has gone back to the savepoint.
    pub(super) fn restore(&mut self, savepoint: Savepoint) {
        self.books = savepoint.books;
        self.triggers = savepoint.triggers;
        if !self.has_ended() {
            self.condition = Condition::Open;
        }
    }

    /// The work after a savepoint is done or taken back.
    pub(super) fn end_work(&mut self) {
        self.works -= 1;
    }
}

#[cfg(test)]
mod tests;
