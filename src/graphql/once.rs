//! A mutation that comes again under its idempotency key is answered as the first time, and writes
//! nothing.
//!
//! Guarantees that of all requests with a caller's key one does each of its fields, however many come
//! at once and wherever a server dies: the answer is kept in the transaction that writes, so it is
//! there exactly if the writes are. What fails keeps nothing and may be sent again. Knows nothing of
//! what works do.

mod kept;
mod sweep;

use std::time::Duration;

use async_graphql::Request;
use async_graphql::dynamic::ResolverContext;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::IsolationLevel;
use seachange_changelog::request::{self, Claim, Claimed};
use seachange_changelog::{TrackedConnection, TrackedTransaction};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::budget::Cost;
use super::caller::Caller;
use super::error::{ErrorCode, Refusal};
use super::pagination::limits;
use super::transaction::{Failure, Work, in_transaction};
pub(super) use kept::{recall_rows, remember_rows};
pub(crate) use sweep::sweep;

/// Longest answer that is kept, in bytes. MariaDB, as it comes, takes no statement of 16 MiB.
const ANSWER_BYTES: usize = 12 * 1024 * 1024;

/// In `extensions` of the error when a key was used for another request: which key.
const KEY: &str = "idempotencyKey";

/// A work whose answer can be kept and given again.
pub(super) trait Repeatable: Work {
    /// What to keep; `None` if it was not done, so that it may be tried again.
    fn remember(&self, output: &Self::Output) -> Result<Option<Json>, Refusal>;

    /// The answer made of what was kept.
    fn recall(
        &self,
        tx: &TrackedTransaction,
        kept: Json,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// A request that has a key: in its data.
pub(super) struct Keyed {
    actor: Option<String>,
    key: String,
    /// A hash of what is asked.
    request: String,
}

impl Keyed {
    /// `None` for a request without a key.
    pub(super) fn of(request: &Request, caller: &Caller) -> Option<Self> {
        let key = caller.idempotency_key.clone()?;
        let variables = serde_json::to_value(&request.variables).unwrap_or_default();
        let asked = json!([request.operation_name, request.query, variables]);
        Some(Self {
            actor: caller.actor.clone(),
            key,
            request: hash(&asked),
        })
    }

    /// The claim of one of its fields, by the name under which it is answered.
    fn claim(&self, field: &str) -> Claim {
        Claim {
            id: hash(&json!([self.actor, self.key])),
            answer_id: hash(&json!([self.actor, self.key, field])),
            request: self.request.clone(),
        }
    }
}

fn hash(what: &Json) -> String {
    let digest = Sha256::digest(what.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When what is that old now was claimed.
fn ago(age: Duration) -> DateTime<Utc> {
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    let then = Utc::now().checked_sub_signed(age);
    then.unwrap_or(DateTime::UNIX_EPOCH)
}

/// Does a mutation's work in a transaction; if the request has a key and the work was done under it,
/// gives that answer instead.
pub(super) async fn once<W: Repeatable>(
    ctx: &ResolverContext<'_>,
    db: &TrackedConnection,
    work: &W,
) -> Result<W::Output, Refusal> {
    let Some(keyed) = ctx.data_opt::<Keyed>() else {
        return in_transaction(ctx, db, work).await;
    };
    let field = ctx.field();
    let once = Once {
        claim: keyed.claim(field.alias().unwrap_or(field.name())),
        key: &keyed.key,
        lifetime: limits(ctx)?.idempotency,
        work,
    };
    in_transaction(ctx, db, &once).await
}

/// Whether the refusal is of the key, not of what was asked.
pub(super) fn is_of_key(refusal: &Refusal) -> bool {
    refusal.tells(KEY)
}

struct Once<'a, W> {
    claim: Claim,
    key: &'a str,
    lifetime: Duration,
    work: &'a W,
}

impl<W: Repeatable> Work for Once<'_, W> {
    type Output = W::Output;

    /// What another has answered meanwhile is seen after the wait for it.
    const ISOLATION: Option<IsolationLevel> = Some(IsolationLevel::ReadCommitted);

    async fn run(&self, tx: &TrackedTransaction) -> Result<W::Output, Failure> {
        // Before anything of the work: it would meet what its own first time wrote.
        let claimed_at = match request::claim(tx, &self.claim, ago(self.lifetime)).await? {
            Claimed::New(at) => at,
            Claimed::Done(kept) => {
                let kept = serde_json::from_str(&kept);
                let kept = kept.map_err(|error| Refusal::internal(&error))?;
                return self.work.recall(tx, kept).await;
            }
            Claimed::Other => {
                let message = "another request was sent with this idempotency key";
                let refusal = Refusal::new(ErrorCode::Conflict, message);
                return Err(refusal.with(KEY, self.key.into()).into());
            }
        };
        let output = self.work.run(tx).await?;
        if let Some(kept) = self.work.remember(&output)? {
            let kept = kept.to_string();
            if kept.len() > ANSWER_BYTES {
                let message = "too many rows for one mutation with an idempotency key";
                return Err(Refusal::limit(message).into());
            }
            request::answer(tx, &self.claim, claimed_at, kept).await?;
        }
        Ok(output)
    }

    fn is_done(&self, output: &W::Output) -> bool {
        self.work.is_done(output)
    }

    fn cost(&self, output: &W::Output) -> Cost {
        self.work.cost(output)
    }
}
