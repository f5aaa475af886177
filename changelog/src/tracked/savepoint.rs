//! Work within a transaction that is kept as a whole or taken back.
//!
//! A savepoint is set by statements and not as a nested transaction of the driver. When a future is dropped the
//! driver rolls back one level; if the drop cut off a savepoint's own statement, it has to guess which one, and
//! would leave the transaction open in the pool.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr};

use super::state::{Level, Savepoint, State};
use super::transaction::TrackedTransaction;
use crate::context::Context;

impl TrackedTransaction {
    /// Does the work on this transaction, all of it or, after an error, none, and records it in `context`. The
    /// transaction then goes on in its own. Do not run other writes of the transaction meanwhile. If the future
    /// is dropped, the transaction does not commit.
    ///
    /// # Errors
    /// Errors of the work and of the database.
    pub async fn savepoint_as<T, E: From<DbErr>>(
        &self,
        context: Context,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let prior = self
            .level
            .in_transaction(|state, id| state.change_context(id, Arc::new(context)));
        let done = self.savepoint(work).await;
        self.level
            .in_transaction(|state, id| state.change_context_back(id, prior, done.is_err()));
        done
    }

    /// Does the work, all of it or, after an error, none; the transaction then goes on. If the future is dropped
    /// meanwhile, the transaction does not commit.
    ///
    /// # Errors
    /// Errors of the work and of the database.
    pub(crate) async fn savepoint<T, E: From<DbErr>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let name = self.scope.state(State::name_savepoint);
        self.answer(self.run_text("SAVEPOINT", &name)).await?;
        let savepoint = self.level.state(Level::begin_work);
        let done = match work.await {
            Ok(value) => {
                let released = self.answer(self.run_text("RELEASE SAVEPOINT", &name)).await;
                released.map(|()| value).map_err(E::from)
            }
            Err(error) => {
                self.go_back_to(savepoint, &name).await;
                // The first error matters more than what an ended transaction reports.
                Err(error)
            }
        };
        self.level.state(Level::end_work);
        done
    }

    async fn run_text(&self, verb: &str, name: &str) -> Result<(), DbErr> {
        let sql = format!("{verb} {name}");
        self.inner.execute_unprepared(&sql).await.map(|_| ())
    }

    /// Goes back to the savepoint. If that fails, the books keep what the work left open.
    async fn go_back_to(&self, savepoint: Savepoint, name: &str) {
        for verb in ["ROLLBACK TO SAVEPOINT", "RELEASE SAVEPOINT"] {
            if self.has_ended() {
                return;
            }
            // PostgreSQL takes this, and only this, after an error.
            let in_flight = self.level.begin_in_any_condition();
            let went_back = self.wait(in_flight, self.run_text(verb, name)).await;
            if went_back.is_err() {
                self.level.state(Level::fail);
                return;
            }
        }
        self.level.state(|level| level.restore(savepoint));
    }
}
