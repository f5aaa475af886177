//! What the levels of one transaction share: its settings, and its state behind one lock.
//!
//! The lock is only reached through closures, which cannot wait for anything, so it is never held while the
//! database is asked.

use std::sync::{Arc, Mutex, PoisonError};

use super::settings::Settings;
use super::state::{Level, LevelId, State};
use crate::context::Context;

/// One transaction with its savepoints.
pub(super) struct Scope {
    pub(super) settings: Settings,
    /// The same for all changes committed together.
    pub(super) transaction_id: String,
    state: Mutex<State>,
}

impl Scope {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(Arc::clone(&settings.context))),
            settings,
            transaction_id: uuid::Uuid::now_v7().to_string(),
        })
    }

    /// Reads or changes the state.
    pub(super) fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Each change of the state is complete before anything in it could panic.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The context in which the transaction writes now.
    pub(super) fn context(&self) -> Arc<Context> {
        self.state(|state| Arc::clone(state.context()))
    }

    /// The transaction has committed: wakes the readers of the log. A needless call, after a savepoint was
    /// rolled back, does no harm.
    pub(super) fn committed(&self) {
        if let Some(on_commit) = &self.settings.on_commit
            && self.state(|state| state.has_recorded())
        {
            on_commit();
        }
    }
}

/// One level of a transaction while it is open: the transaction itself, or one nested in it. Dropping it ends
/// the level.
pub(super) struct OpenLevel {
    scope: Arc<Scope>,
    id: LevelId,
}

impl OpenLevel {
    /// The transaction itself.
    pub(super) fn outermost(scope: &Arc<Scope>) -> Self {
        Self::begin(scope, None)
    }

    /// A level within this one.
    pub(super) fn nested(&self) -> Self {
        Self::begin(&self.scope, Some(self.id))
    }

    fn begin(scope: &Arc<Scope>, parent: Option<LevelId>) -> Self {
        Self {
            id: scope.state(|state| state.begin_level(parent)),
            scope: Arc::clone(scope),
        }
    }

    /// Reads or changes the level's state.
    pub(super) fn state<T>(&self, act: impl FnOnce(&mut Level) -> T) -> T {
        self.scope.state(|state| act(state.level(self.id)))
    }

    /// Reads or changes the state of the transaction.
    pub(super) fn in_transaction<T>(&self, act: impl FnOnce(&mut State, LevelId) -> T) -> T {
        self.scope.state(|state| act(state, self.id))
    }

    /// A statement is about to be sent; `None` if the level takes none.
    pub(super) fn begin_statement(&self) -> Option<InFlight> {
        let may_be = self.in_transaction(|state, id| state.begin_statement(id));
        may_be.then(|| InFlight(Arc::clone(&self.scope)))
    }

    /// A statement is about to be sent whatever the condition of the level.
    pub(super) fn begin_in_any_condition(&self) -> InFlight {
        self.scope.state(State::begin_in_any_condition);
        InFlight(Arc::clone(&self.scope))
    }
}

impl Drop for OpenLevel {
    fn drop(&mut self) {
        self.in_transaction(|state, id| state.end_level(id));
    }
}

/// A statement that was sent and is not answered yet. Dropping it does **not** end it: if the future that
/// waits for the answer is dropped, the state of the connection is not known, and the transaction must not
/// commit.
#[must_use = "a statement that is not ended keeps the transaction from committing"]
pub(super) struct InFlight(Arc<Scope>);

impl InFlight {
    /// The answer has come.
    pub(super) fn ended(self) {
        self.0.state(State::end_statement);
    }
}
