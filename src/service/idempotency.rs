//! A request that is repeated under its idempotency key gets the first answer, and writes nothing.
//!
//! Guarantees that of all requests with a caller's key only one executes each of the fields, however many come
//! at once and wherever a server dies. The answer is kept in the transaction that writes, so it is there
//! exactly if the writes are. A failure keeps nothing, so the request may be sent again. Knows nothing of what
//! the work does.

mod answers;
mod sweep;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::IsolationLevel;
use seachange_changelog::TrackedTransaction;
use seachange_changelog::internal::request::{self, Claim, Claimed};
use serde_json::Value as Json;

use super::budget::Cost;
use super::call::Call;
use super::error::{Fact, ServiceError};
use super::transaction::{Work, transact};
pub(crate) use answers::{recall_rows, remember_rows};
pub(crate) use sweep::{ClaimCount, sweep};

/// Longest answer that is kept, in bytes. MariaDB in its default configuration refuses a statement of 16 MiB.
const ANSWER_BYTES: usize = 12 * 1024 * 1024;

/// A work whose answer can be kept and returned again.
pub(crate) trait Repeatable: Work {
    /// What to keep; `None` if the work was not done, so that it may be tried again.
    fn remember(&self, output: &Self::Output) -> Result<Option<Json>, ServiceError>;

    /// Rebuilds the answer from what was kept.
    fn recall(
        &self,
        tx: &TrackedTransaction,
        kept: Json,
    ) -> impl Future<Output = Result<Self::Output, ServiceError>> + Send;
}

/// The time that lies `age` before now.
fn ago(age: Duration) -> DateTime<Utc> {
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    let then = Utc::now().checked_sub_signed(age);
    then.unwrap_or(DateTime::UNIX_EPOCH)
}

/// Does the work in a transaction. If the call has a key under which the work was already done, returns that
/// answer instead.
///
/// # Errors
/// The same as for [`transact`]; a conflict with [`Fact::UsedKey`] if the key was used for something else.
pub(crate) async fn once<W: Repeatable>(
    call: Call<'_>,
    work: &W,
) -> Result<W::Output, ServiceError> {
    let Some((keyed, part)) = call.key else {
        return transact(call, work).await;
    };
    let once = Once {
        claim: keyed.claim(part),
        key: keyed.key(),
        lifetime: call.limits.idempotency,
        work,
    };
    transact(call, &once).await
}

struct Once<'a, W> {
    claim: Claim,
    key: &'a str,
    lifetime: Duration,
    work: &'a W,
}

impl<W: Repeatable> Work for Once<'_, W> {
    type Output = W::Output;

    /// After waiting for a concurrent request, its answer must be visible.
    const ISOLATION: Option<IsolationLevel> = Some(IsolationLevel::ReadCommitted);

    async fn run(&self, tx: &TrackedTransaction) -> Result<W::Output, ServiceError> {
        // The claim precedes all of the work, which would otherwise meet what it wrote the first time.
        let claimed_at = match request::claim(tx, &self.claim, ago(self.lifetime)).await? {
            Claimed::New(at) => at,
            Claimed::Done(kept) => {
                let kept = serde_json::from_str(&kept).map_err(ServiceError::internal)?;
                return self.work.recall(tx, kept).await;
            }
            Claimed::Other => {
                let message = "another request was sent with this idempotency key";
                let used = Fact::UsedKey(self.key.to_owned());
                return Err(ServiceError::conflict(message).with_fact(used));
            }
        };
        let output = self.work.run(tx).await?;
        if let Some(kept) = self.work.remember(&output)? {
            let kept = kept.to_string();
            if kept.len() > ANSWER_BYTES {
                let message = "too many rows for one mutation with an idempotency key";
                return Err(ServiceError::limit(message));
            }
            request::answer(tx, &self.claim, claimed_at, kept).await?;
        }
        Ok(output)
    }

    fn cost(&self, output: &W::Output) -> Cost {
        self.work.cost(output)
    }
}
