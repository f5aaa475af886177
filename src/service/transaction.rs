//! A transaction that is tried again when the database asks for it.

use std::time::Duration;

use sea_orm::{DbErr, IsolationLevel, TransactionSession, TransactionTrait};
use seachange_changelog::{Backoff, TrackedConnection, TrackedTransaction, internal};
use tokio::time::{Instant, sleep, timeout_at};

use super::budget::Cost;
use super::call::Call;
use super::error::ServiceError;

/// Tries in all. Deadlocks dissolve at the first or second; beyond this the database is overloaded
/// and the client should wait.
const TRIES: u32 = 5;
/// Waits between tries.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// What is written in a transaction: run anew in each try.
pub(crate) trait Work: Sync {
    /// What is answered.
    type Output: Send;

    /// What the transaction sees of others; by default what the database does by itself.
    const ISOLATION: Option<IsolationLevel> = None;

    /// Writes, in a transaction that is committed afterwards.
    fn run(
        &self,
        tx: &TrackedTransaction,
    ) -> impl Future<Output = Result<Self::Output, ServiceError>> + Send;

    /// What the answer costs: nothing is committed for a request that cannot afford it.
    fn cost(&self, output: &Self::Output) -> Cost;
}

/// Does the work in a transaction and commits it, if the caller's budget allows for it then. Waits for
/// locks that others hold until the time set for that is over, tries included.
///
/// # Errors
/// What the work says, `UNAVAILABLE` when its turn or its locks do not come in time, and `LIMIT_EXCEEDED`
/// for what the budget does not allow. Nothing is written then; but where the connection is lost while the
/// database commits, nobody knows.
pub(crate) async fn transact<W: Work>(call: Call<'_>, work: &W) -> Result<W::Output, ServiceError> {
    let wait = LockWait::from_now(call.limits.lock_wait);
    let Ok(Ok(_turn)) = timeout_at(wait.deadline, call.turns.acquire()).await else {
        return Err(ServiceError::busy());
    };
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    for _ in 1..TRIES {
        match attempt(call, work, wait).await {
            Err(error) if error.is_transient() && !wait.is_over() => {
                tracing::debug!(error = ?error.database(), "trying the transaction again");
            }
            done => return done,
        }
        sleep(backoff.next_wait()).await;
    }
    attempt(call, work, wait).await
}

/// How long a transaction waits for locks in all.
#[derive(Clone, Copy)]
struct LockWait {
    /// All of it: what its connection waits at most.
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

    /// What is left of it, if a good part is over: in a first try that did not wait for its turn the
    /// connection's own bound serves, and costs no statement.
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
    let done = work.run(&tx).await;
    let done = done.and_then(|value| {
        // Its client may have gone: what has begun is finished.
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
            // The error matters more than what a broken connection says of its rollback.
            if let Err(rollback) = tx.rollback().await {
                tracing::debug!(error = %rollback, "rollback failed");
            }
            Err(error)
        }
    }
}

/// On SQLite a transaction waits here, for its turn and for other programs; one that is cut off takes itself
/// back. Elsewhere it waits at its statements, and the database counts the time.
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
