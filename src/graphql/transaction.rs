//! A mutation's transaction, tried again when the database asks for it.

use std::time::Duration;

use sea_orm::{IsolationLevel, TransactionSession, TransactionTrait};
use seachange_changelog::{TrackedConnection, TrackedTransaction};

use super::budget::{Budget, Cost};
use super::error::{Refusal, is_transient};

/// Tries in all. Deadlocks dissolve at the first or second; beyond this the database is overloaded
/// and the client should wait.
const TRIES: u32 = 5;
/// Wait before the second try; doubles, with a random part so that rivals part.
const FIRST_WAIT: Duration = Duration::from_millis(10);

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

/// Does the work in a transaction and commits it, if the request's budget allows for it then.
pub(super) async fn in_transaction<W: Work>(
    budget: &Budget,
    db: &TrackedConnection,
    work: &W,
) -> Result<W::Output, Refusal> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match attempt(budget, db, work).await {
            Err(Failure::Database(error)) if is_transient(&error) => {
                tracing::debug!(%error, "trying the transaction again");
            }
            done => return done.map_err(Refusal::from),
        }
        let random = uuid::Uuid::new_v4().as_u128() % wait.as_micros().max(1);
        tokio::time::sleep(wait + Duration::from_micros(u64::try_from(random).unwrap_or(0))).await;
        wait *= 2;
    }
    attempt(budget, db, work).await.map_err(Refusal::from)
}

async fn attempt<W: Work>(
    budget: &Budget,
    db: &TrackedConnection,
    work: &W,
) -> Result<W::Output, Failure> {
    budget.check()?;
    let tx = db.begin_with_config(W::ISOLATION, None).await?;
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
