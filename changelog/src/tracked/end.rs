//! The last statement of a transaction or savepoint, and whether the driver may be left to send it.
//!
//! Guarantees that an answer means what it says, also on a connection of which the driver counts more open
//! transactions than there are. Knows nothing of the books.

use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, DbErr};

use super::lock_wait::take_back;
use super::transaction::TrackedTransaction;
use crate::database;

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
}

impl TrackedTransaction {
    /// Ends the transaction or savepoint.
    pub(super) async fn end(self, end: End) -> Result<(), DbErr> {
        if !self.is_savepoint && self.scope.has_lock_limit.load(Ordering::Relaxed) {
            // A transaction that has ended or failed cannot be asked; its connection is then closed.
            let _ = take_back(&self.inner).await;
        }
        let is_proven = self.proves_its_end();
        if is_proven {
            // On a connection that the driver counts wrongly its own commit would end a savepoint only.
            // The statement ends the transaction; the driver then ends an empty one.
            let sql = match end {
                End::Commit => "COMMIT; BEGIN",
                End::Rollback => "ROLLBACK; BEGIN",
            };
            self.answer(self.inner.execute_unprepared(sql)).await?;
        }
        let Self {
            inner,
            scope,
            trigger_context,
            level: _level,
            ..
        } = self;
        scope.in_flight.fetch_add(1, Ordering::Relaxed);
        let ended = match end {
            End::Commit => inner.commit().await,
            End::Rollback => inner.rollback().await,
        };
        scope.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !is_proven {
            ended?;
        }
        match end {
            End::Rollback => {}
            End::Commit if self.is_savepoint => trigger_context.released(),
            End::Commit => scope.committed(),
        }
        Ok(())
    }

    /// Whether its end must not be left to the driver: on SQLite, in a pool of which nothing is known.
    fn proves_its_end(&self) -> bool {
        database::of(self).facts().ends_by_statement
            && !self.is_savepoint
            && !self.scope.settings.is_pool_clean
            && !self.scope.ended.load(Ordering::Relaxed)
            && !self.level.has_open_savepoint()
    }
}
