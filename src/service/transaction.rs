//! A transaction that is retried when the database asks for it.

use std::time::Duration;

use sea_orm::{DbErr, IsolationLevel, TransactionTrait};
use seachange_changelog::internal;
use seachange_changelog::{TrackedConnection, TrackedTransaction};
use tokio::time::{Instant, timeout_at};

use super::budget::Cost;
use super::call::Call;
use super::error::ServiceError;

/// What is written in a transaction. It runs again in each attempt.
pub(crate) trait Work: Sync {
    /// The result of the work.
    type Output: Send;

    /// What the transaction sees of others; by default the database's setting.
    const ISOLATION: Option<IsolationLevel> = None;

    /// Writes in a transaction that is committed afterwards.
    fn run(
        &self,
        tx: &TrackedTransaction,
    ) -> impl Future<Output = Result<Self::Output, ServiceError>> + Send;

    /// What the answer costs. Nothing is committed for a request that cannot afford it.
    fn cost(&self, output: &Self::Output) -> Cost;
}

/// Does the work in a transaction and commits it, if the caller's budget then allows it. The wait for locks
/// that others hold is bounded by the limit, retries included.
///
/// # Errors
/// The error of the work, `UNAVAILABLE` if its turn or its locks do not come in time, and `LIMIT_EXCEEDED` if
/// the budget does not allow it. Nothing is written then. If the connection is lost while the database commits,
/// it is unknown whether the write was made.
pub(crate) async fn transact<W: Work>(call: Call<'_>, work: &W) -> Result<W::Output, ServiceError> {
    let wait = LockWait::from_now(call.limits.lock_wait);
    let Ok(Ok(_turn)) = timeout_at(wait.deadline, call.turns.acquire()).await else {
        return Err(ServiceError::busy());
    };
    internal::retry(
        || attempt(call, work, wait),
        |error: &ServiceError| error.is_transient() && !wait.is_over(),
    )
    .await
}

/// How long a transaction waits for locks in all.
#[derive(Clone, Copy)]
struct LockWait {
    /// The whole wait, which is also the bound that the connection has set.
    most: Duration,
    deadline: Instant,
}

impl LockWait {
    fn from_now(most: Duration) -> Self {
        Self {
            most,
            deadline: Instant::now() + most,
        }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.deadline
    }

    /// What is left of the wait, if more than a tenth of it is over. A first attempt that did not wait for its
    /// turn relies on the connection's bound, which saves a statement.
    fn shortened(self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left < self.most - self.most / 10).then_some(left)
    }
}

async fn attempt<W: Work>(
    call: Call<'_>,
    work: &W,
    wait: LockWait,
) -> Result<W::Output, ServiceError> {
    call.budget.check()?;
    let tx = begin(call.db, W::ISOLATION, wait.deadline).await?;
    if let Some(left) = wait.shortened() {
        tx.limit_lock_waits(left).await?;
    }
    let done = work.run(&tx).await.and_then(|value| {
        // The client may have gone, but what has begun is finished.
        call.budget.check_time()?;
        call.budget.charge(work.cost(&value))?;
        Ok(value)
    });
    match done {
        Ok(value) => {
            tx.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // The error matters more than a failed rollback on a broken connection.
            if let Err(rollback) = tx.rollback().await {
                tracing::debug!(error = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// Begins a transaction. On SQLite it waits here, for its turn and for other programs; one that is cut off
/// rolls itself back. On other databases it waits at its statements, and the database counts the time.
async fn begin(
    db: &TrackedConnection,
    isolation: Option<IsolationLevel>,
    deadline: Instant,
) -> Result<TrackedTransaction, ServiceError> {
    let begun = db.begin_with_config(isolation, None);
    if !internal::of(db).facts().is_file {
        return Ok(begun.await?);
    }
    let begun: Result<Result<_, DbErr>, _> = timeout_at(deadline, begun).await;
    Ok(begun.map_err(|_| ServiceError::busy())??)
}
