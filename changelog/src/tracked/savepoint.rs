//! A part of a transaction that is kept as a whole or taken back.
//!
//! A savepoint by its statements, not a nested transaction of the driver's: the driver rolls back one
//! level when a future is dropped, which one is a guess if the drop cut a savepoint's own statement
//! off, and would leave the transaction open in the pool.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, DbErr};

use super::transaction::TrackedTransaction;
use crate::context::Context;

impl TrackedTransaction {
    /// Does the work on this transaction, all of it or, after an error, nothing, and records it on
    /// behalf of `context`; the transaction then goes on with its own. Do not run other writes of the
    /// transaction beside it. If the future is dropped meanwhile, the transaction does not commit.
    ///
    /// # Errors
    /// Those of the work, and of the database.
    pub async fn savepoint_as<T, E: From<DbErr>>(
        &self,
        context: Context,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let own = self.scope.change_context(Arc::new(context));
        let (knew, certain) = (
            self.trigger_context.is_sent(),
            self.trigger_context.certain(),
        );
        self.trigger_context.set_sent(false);
        // What is certain is not asked again, and asking is what sends the context.
        self.trigger_context.set_certain(BTreeSet::new());
        let done = self.savepoint(work).await;
        // Taken back, the database knows again what it knew before.
        let (knew, certain) = match done {
            Ok(_) => (false, BTreeSet::new()),
            Err(_) => (knew, certain),
        };
        self.trigger_context.set_sent(knew);
        self.trigger_context.set_certain(certain);
        self.scope.change_context(own);
        done
    }

    /// Does the work, all of it or, after an error, nothing; the transaction then goes on. If the
    /// future is dropped meanwhile, the transaction does not commit.
    ///
    /// # Errors
    /// Those of the work, and of the database.
    pub(crate) async fn savepoint<T, E: From<DbErr>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let name = format!("seachange_{}", self.scope.next_part());
        self.savepoint_statement("SAVEPOINT", &name).await?;
        let books = self.books(|ledger| ledger.clone());
        let (knew, certain) = (
            self.trigger_context.is_sent(),
            self.trigger_context.certain(),
        );
        // Dropped from here on it stays counted.
        self.parts.fetch_add(1, Ordering::Relaxed);
        let done = work.await;
        let done = match done {
            Ok(value) => {
                let released = self.savepoint_statement("RELEASE SAVEPOINT", &name).await;
                released.map(|()| value).map_err(E::from)
            }
            Err(error) => {
                if self.take_back(&name).await {
                    self.books(|ledger| *ledger = books);
                    self.trigger_context.set_sent(knew);
                    // The locks that made it so are given up.
                    self.trigger_context.set_certain(certain);
                }
                // The first error matters more than what an ended transaction says.
                Err(error)
            }
        };
        self.parts.fetch_sub(1, Ordering::Relaxed);
        done
    }

    async fn savepoint_statement(&self, verb: &str, name: &str) -> Result<(), DbErr> {
        let sql = format!("{verb} {name}");
        self.answer(self.inner.execute_unprepared(&sql))
            .await
            .map(|_| ())
    }

    /// Rolls back to the savepoint; tells whether that was done. If it was not, the books keep what
    /// the work left open.
    async fn take_back(&self, name: &str) -> bool {
        if self.scope.ended.load(Ordering::Relaxed) {
            return false;
        }
        // PostgreSQL takes this, and only this, after an error.
        self.failed.store(false, Ordering::Relaxed);
        for verb in ["ROLLBACK TO SAVEPOINT", "RELEASE SAVEPOINT"] {
            if self.savepoint_statement(verb, name).await.is_err() {
                self.failed.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    }
}
