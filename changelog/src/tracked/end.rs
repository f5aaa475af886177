//! The last statement of a transaction or savepoint, and whether the driver may be left to send it.
//!
//! An answer means what it says, even on a connection for which the driver counts more open transactions than
//! there are.

use sea_orm::{ConnectionTrait, DbErr, TransactionSession};

use super::lock_wait;
use super::state::Refusal;
use super::transaction::TrackedTransaction;
use crate::database;
use crate::error::CaptureError;

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

#[async_trait::async_trait]
impl TransactionSession for TrackedTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        Self::commit(self).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        Self::rollback(self).await
    }
}

impl TrackedTransaction {
    /// Commits rows and changes together. An answer means that the database has made the commit.
    ///
    /// # Errors
    /// [`CommitRefusal::Unfinished`](crate::CommitRefusal::Unfinished) if a tracked table was written and the change not recorded;
    /// [`CommitRefusal::CutOff`](crate::CommitRefusal::CutOff) if a statement's future was dropped; [`CommitRefusal::SavepointOpen`](crate::CommitRefusal::SavepointOpen);
    /// [`Retry::Ended`](crate::Retry::Ended). Everything is then rolled back. After an error of the database it is not known
    /// whether it has committed, if the connection was lost.
    pub async fn commit(self) -> Result<(), DbErr> {
        let refusal = self.level.in_transaction(|state, id| state.may_commit(id));
        if let Err(refusal) = refusal {
            match refusal {
                // Sends nothing: when the transaction is dropped, the pool rolls back.
                Refusal::CutOff | Refusal::SavepointOpen => {}
                // There may be nothing left to roll back. Either way nothing is committed.
                Refusal::Ended => {
                    let _ = self.rollback().await;
                }
                Refusal::Unfinished { .. } => self.rollback().await?,
            }
            return Err(CaptureError::from(refusal).into());
        }
        // If this fails, the transaction is still open, and dropping it rolls back.
        self.clear_context().await?;
        self.end(End::Commit).await
    }

    /// Takes back what the transaction or savepoint has written.
    ///
    /// # Errors
    /// An error of the database. Dropping the transaction then rolls it back.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.end(End::Rollback).await
    }

    /// Ends the transaction or savepoint.
    async fn end(self, end: End) -> Result<(), DbErr> {
        if !self.is_savepoint && self.scope.state(|state| state.has_lock_limit()) {
            // A transaction that has ended or failed cannot be asked; its connection is then closed.
            let _ = lock_wait::restore(&self.inner).await;
        }
        let is_proven = self.proves_its_end();
        if is_proven {
            // On a connection that the driver counts wrongly, its own commit would end only a savepoint. The
            // statement ends the transaction; the driver then ends an empty one.
            let sql = match end {
                End::Commit => "COMMIT; BEGIN",
                End::Rollback => "ROLLBACK; BEGIN",
            };
            let in_flight = self.level.begin_in_any_condition();
            self.wait(in_flight, self.inner.execute_unprepared(sql))
                .await?;
        }
        let Self {
            inner,
            scope,
            level,
            is_savepoint,
        } = self;
        let in_flight = level.begin_in_any_condition();
        let ended = match end {
            End::Commit => inner.commit().await,
            End::Rollback => inner.rollback().await,
        };
        in_flight.ended();
        if !is_proven {
            ended?;
        }
        match end {
            End::Rollback => {}
            End::Commit if is_savepoint => level.in_transaction(|state, id| state.release(id)),
            End::Commit => scope.committed(),
        }
        Ok(())
    }

    /// Whether its end must not be left to the driver: on SQLite, in a pool of which nothing is known.
    fn proves_its_end(&self) -> bool {
        database::of(self).facts().ends_by_statement
            && !self.is_savepoint
            && !self.scope.settings.is_pool_clean
            && !self.has_ended()
            && !self
                .level
                .in_transaction(|state, id| state.has_open_level_within(id))
    }
}
