//! A mutation's transaction, tried again when the database asks for it.

use std::time::Duration;

use async_graphql::dynamic::ResolverContext;
use sea_orm::{DbBackend, DbErr, IsolationLevel, TransactionSession, TransactionTrait};
use seachange_changelog::{Backoff, TrackedConnection, TrackedTransaction, is_transient};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use super::budget::{Budget, Cost};
use super::committed::Committed;
use super::error::{ErrorCode, Refusal};
use super::pagination::limits;

/// Tries in all. Deadlocks dissolve at the first or second; beyond this the database is overloaded
/// and the client should wait.
const TRIES: u32 = 5;
/// Waits between tries.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Whose turn it is to write. Writers that wait for locks hold connections; a few are always left for those
/// who read.
pub(super) struct Turns(Semaphore);

impl Turns {
    pub(super) fn new(db: &TrackedConnection) -> Self {
        let writers = crate::database::most_writers(db);
        Self(Semaphore::new(writers.min(Semaphore::MAX_PERMITS)))
    }
}

/// What a mutation writes: run anew in each try.
pub(super) trait Work: Sync {
    /// What the mutation answers.
    type Output: Send;

    /// What the transaction sees of others; by default what the database does by itself.
    const ISOLATION: Option<IsolationLevel> = None;

    /// Writes, in a transaction that is committed afterwards.
    fn run(
        &self,
        tx: &TrackedTransaction,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// Whether what was asked for is done once this is committed.
    fn is_done(&self, _output: &Self::Output) -> bool {
        true
    }

    /// What the answer costs: nothing is committed for a request that cannot afford it.
    fn cost(&self, output: &Self::Output) -> Cost;
}

/// Why a transaction ended: the database, which another try may help, or the request.
#[derive(Debug)]
pub(super) enum Failure {
    Database(sea_orm::DbErr),
    Refused(Refusal),
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => error.into(),
            Failure::Refused(refusal) => refusal,
        }
    }
}

/// Does the work in a transaction and commits it, if the request's budget allows for it then. Waits for
/// locks that others hold until the time set for that is over, tries included.
pub(super) async fn in_transaction<W: Work>(
    ctx: &ResolverContext<'_>,
    db: &TrackedConnection,
    work: &W,
) -> Result<W::Output, Refusal> {
    let budget = Budget::of(ctx)?;
    let wait = LockWait::from_now(limits(ctx)?.lock_wait);
    let turns = ctx.data::<Turns>();
    let turns = turns.map_err(|error| Refusal::internal(&error.message))?;
    let Ok(Ok(_turn)) = timeout_at(wait.deadline, turns.0.acquire()).await else {
        return Err(busy());
    };
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    for _ in 1..TRIES {
        match attempt(budget, db, work, wait).await {
            Err(Failure::Database(error)) if is_transient(&error) && !wait.is_over() => {
                tracing::debug!(%error, "trying the transaction again");
            }
            done => return finished(ctx, work, done),
        }
        sleep(backoff.next_wait()).await;
    }
    finished(ctx, work, attempt(budget, db, work, wait).await)
}

fn finished<W: Work>(
    ctx: &ResolverContext<'_>,
    work: &W,
    done: Result<W::Output, Failure>,
) -> Result<W::Output, Refusal> {
    let output = done?;
    if work.is_done(&output) {
        Committed::add(ctx);
    }
    Ok(output)
}

/// How long a mutation waits for locks in all.
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

fn busy() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, "the database is busy; try again")
}

async fn attempt<W: Work>(
    budget: &Budget,
    db: &TrackedConnection,
    work: &W,
    wait: LockWait,
) -> Result<W::Output, Failure> {
    budget.check()?;
    let tx = begin(db, W::ISOLATION, wait.deadline).await?;
    if let Some(left) = wait.shortened() {
        tx.limit_lock_waits(left).await?;
    }
    let done = work.run(&tx).await;
    let done = done.and_then(|value| {
        // Its client may have gone: what has begun is finished.
        budget.check_time()?;
        budget.charge(work.cost(&value))?;
        Ok(value)
    });
    match done {
        Ok(value) => {
            tx.commit().await?;
            Ok(value)
        }
        Err(failure) => {
            // The failure matters more than what a broken connection says of its rollback.
            if let Err(error) = tx.rollback().await {
                tracing::debug!(%error, "rollback failed");
            }
            Err(failure)
        }
    }
}

/// On SQLite a transaction waits here, for its turn and for other programs; one that is cut off takes itself
/// back. Elsewhere it waits at its statements, and the database counts the time.
async fn begin(
    db: &TrackedConnection,
    isolation: Option<IsolationLevel>,
    deadline: Instant,
) -> Result<TrackedTransaction, Failure> {
    let begun = db.begin_with_config(isolation, None);
    if sea_orm::ConnectionTrait::get_database_backend(db) != DbBackend::Sqlite {
        return Ok(begun.await?);
    }
    let begun: Result<Result<_, DbErr>, _> = timeout_at(deadline, begun).await;
    Ok(begun.map_err(|_| busy())??)
}
