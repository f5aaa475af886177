//! Undoing changes by writing their opposite through capture.
//!
//! Guarantees that no later change is overwritten: such a change makes it a conflict that names the later
//! changes, and nothing is written. A revert is a change like any other, and its metadata names what it
//! reverts.

mod plan;

use std::sync::Arc;

use seachange_changelog::internal::reader::later;
use seachange_changelog::log::Model;
use seachange_changelog::{Context, TrackedConnection, TrackedTransaction};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::budget::Cost;
use super::call::Call;
use super::code::ErrorCode;
use super::error::{Fact, ServiceError};
use super::idempotency::{Repeatable, once};
use super::interim::interim;
use super::registered::{ByTable, Registered};
use super::rows::RowWriter;
use super::transaction::Work;
use crate::feed::{Cursor, Epoch, Feed, FeedError, Named, Start};
use plan::{REVERTS, REVERTS_TRANSACTION, RevertPlan, RevertWrite, RowPlan, Step};

/// How many later changes of a row are looked at. More than these are a conflict, whatever they are.
const LATER_MOST: u64 = 1_000;
/// How many changes of a revert are read back. An adopter's hooks may add changes.
const WRITTEN_MOST: u64 = 100_000;
/// How often the written changes are looked for in the log. Each look may wait 2 s for another process that
/// puts the log in order.
const LOOKS: u32 = 3;

/// Undoes one change. One that ends a moment of values without meaning is undone together with that moment.
///
/// # Errors
/// `NOT_FOUND` if the cursor does not name a change; a conflict, with [`Fact::Later`], if the change's result
/// has been changed since; `BAD_INPUT` for an entity that is not among the targets.
pub(crate) async fn change(
    call: Call<'_>,
    targets: &ByTable,
    cursor: &Cursor,
) -> Result<Reverted, ServiceError> {
    let named = call.feed()?.change(cursor).await?;
    if named.changes.is_empty() {
        let message = "no change has this cursor";
        return Err(ServiceError::new(ErrorCode::NotFound, message));
    }
    revert(call, targets, named, (REVERTS, cursor.to_string())).await
}

/// Undoes all changes of a transaction, or none of them.
///
/// # Errors
/// `NOT_FOUND` if no change of the transaction is kept, `LIMIT_EXCEEDED` if it has more changes than a call may
/// write; otherwise as [`change`].
pub(crate) async fn transaction(
    call: Call<'_>,
    targets: &ByTable,
    id: &str,
) -> Result<Reverted, ServiceError> {
    let most = call.limits.write_rows;
    let named = call.feed()?.transaction(id, most.saturating_add(1)).await?;
    if named.changes.is_empty() {
        let message = "no such transaction is kept";
        return Err(ServiceError::new(ErrorCode::NotFound, message));
    }
    if named.changes.len() as u64 > most {
        let message = format!("more than {most} changes in one mutation");
        return Err(ServiceError::limit(message));
    }
    revert(call, targets, named, (REVERTS_TRANSACTION, id.to_owned())).await
}

/// Reverts these changes and returns what was written.
async fn revert(
    call: Call<'_>,
    targets: &ByTable,
    named: Named,
    reason: (&str, String),
) -> Result<Reverted, ServiceError> {
    let changes: Vec<Model> = named
        .changes
        .iter()
        .map(|change| change.row.clone())
        .collect();
    let db = on_behalf(call.db, reason);
    let work = Revert {
        plan: RevertPlan::of(&changes, targets)?,
        targets: Arc::clone(targets),
        context: db.context().clone(),
    };
    let call = Call { db: &db, ..call };
    match once(call, &work).await {
        Ok(written) => Ok(Reverted {
            written,
            epoch: named.epoch,
        }),
        Err(error) if error.code() == ErrorCode::Conflict && !is_of_key(&error) => {
            let later = later_cursors(call.feed()?, &named, &work.plan).await?;
            Err(error.with_fact(Fact::Later(later)))
        }
        Err(error) => Err(error),
    }
}

/// Whether the conflict is about the idempotency key, not about the revert.
fn is_of_key(error: &ServiceError) -> bool {
    matches!(error.fact(), Some(Fact::UsedKey(_)))
}

/// The caller's connection, with metadata that names what is reverted.
fn on_behalf(db: &TrackedConnection, (name, what): (&str, String)) -> TrackedConnection {
    let mut context = db.context().clone();
    let metadata = context.metadata.get_or_insert_default();
    metadata.insert(name.to_owned(), Json::String(what));
    db.with_context(context)
}

/// A revert that has been committed.
pub(crate) struct Reverted {
    written: WrittenChanges,
    epoch: Epoch,
}

/// What a transaction wrote.
#[derive(Serialize, Deserialize)]
struct WrittenChanges {
    transaction_id: String,
    rows: usize,
}

impl Reverted {
    /// Its changes, once they have positions in the log.
    ///
    /// # Errors
    /// `UNAVAILABLE` if they do not get positions in time; the revert is committed nevertheless.
    pub(crate) async fn changes(self, feed: &Feed) -> Result<Named, ServiceError> {
        let Self { written, epoch } = self;
        if written.rows == 0 {
            return Ok(Named {
                epoch,
                changes: Vec::new(),
            });
        }
        for _ in 0..LOOKS {
            match feed
                .transaction(&written.transaction_id, WRITTEN_MOST)
                .await
            {
                Ok(found) if found.changes.len() >= written.rows => return Ok(found),
                Ok(_) | Err(FeedError::Busy) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::new(
            ErrorCode::Unavailable,
            format!(
                "reverted by transaction {}; its changes cannot be read yet",
                written.transaction_id
            ),
        ))
    }
}

/// The cursors of the later changes that prevent the revert.
async fn later_cursors(
    feed: &Feed,
    named: &Named,
    plan: &RevertPlan,
) -> Result<Vec<Cursor>, ServiceError> {
    let mut cursors = Vec::new();
    for row in &plan.rows {
        let last = named
            .changes
            .iter()
            .find(|change| change.row.id == row.last);
        let Some(last) = last else { continue };
        let start = Start::After(Cursor::at(&named.epoch, last.position));
        let page = feed.history(&start, &row.name, LATER_MOST).await?;
        let models: Vec<Model> = page
            .changes
            .iter()
            .map(|change| change.row.clone())
            .collect();
        let standing: Vec<i64> = row.standing(&models).map(|change| change.id).collect();
        let of_row = page
            .changes
            .iter()
            .filter(|change| standing.contains(&change.row.id));
        cursors.extend(of_row.map(|change| Cursor::at(&page.epoch, change.position)));
    }
    Ok(cursors)
}

struct Revert {
    plan: RevertPlan,
    targets: ByTable,
    context: Context,
}

impl Revert {
    fn target(&self, table: &str) -> Result<&Registered, ServiceError> {
        let target = self.targets.get(table);
        target.ok_or_else(|| ServiceError::internal(format!("no entity {table}")))
    }

    /// Checks that no later change prevents reverting a locked row.
    async fn check(&self, tx: &TrackedTransaction, row: &RowPlan) -> Result<(), ServiceError> {
        let later = later(tx, &row.name, row.last, LATER_MOST).await?;
        if later.len() as u64 >= LATER_MOST || row.standing(&later).next().is_some() {
            return Err(ServiceError::conflict("later changes stand in the way"));
        }
        Ok(())
    }
}

async fn write(
    rows: &dyn RowWriter,
    tx: &TrackedTransaction,
    step: &Step,
) -> Result<(), ServiceError> {
    let key = &step.name.key;
    match &step.write {
        RevertWrite::Delete => rows.delete(tx, key).await,
        RevertWrite::Insert(row) => rows.insert_again(tx, row).await.map(drop),
        RevertWrite::Update(set) => rows.update_again(tx, key, set).await.map(drop),
    }
}

/// A value that its column once accepted is not bad input. An error of the database is left as it is.
fn outdated(error: ServiceError) -> ServiceError {
    if error.code() == ErrorCode::BadInput && error.database().is_none() {
        return ServiceError::conflict(format!("{}, which it had", error.message()));
    }
    error
}

impl Work for Revert {
    type Output = WrittenChanges;

    async fn run(&self, tx: &TrackedTransaction) -> Result<WrittenChanges, ServiceError> {
        // All locks come first, because MariaDB's snapshot begins with the first read that takes no lock.
        for RowPlan { name, .. } in &self.plan.rows {
            let rows = &self.target(&name.entity)?.rows;
            rows.lock(tx, std::slice::from_ref(&name.key)).await?;
        }
        for row in &self.plan.rows {
            self.check(tx, row).await?;
        }
        for step in &self.plan.steps {
            let rows = &self.target(&step.name.entity)?.rows;
            let now = rows.lock(tx, std::slice::from_ref(&step.name.key)).await?;
            step.check(now.first())?;
            let write = write(rows.as_ref(), tx, step);
            let written = if step.is_interim {
                tx.savepoint_as(interim(self.context.clone()), write).await
            } else {
                write.await
            };
            written.map_err(outdated)?;
        }
        Ok(WrittenChanges {
            transaction_id: tx.transaction_id().to_owned(),
            rows: self.plan.steps.len(),
        })
    }

    fn cost(&self, written: &WrittenChanges) -> Cost {
        Cost {
            rows: u64::try_from(written.rows).unwrap_or(u64::MAX),
            bytes: 0,
        }
    }
}

impl Repeatable for Revert {
    /// Only the outcome is kept, because the changes are in the log.
    fn remember(&self, written: &WrittenChanges) -> Result<Option<Json>, ServiceError> {
        let kept = serde_json::to_value(written);
        kept.map(Some).map_err(ServiceError::internal)
    }

    async fn recall(
        &self,
        _: &TrackedTransaction,
        kept: Json,
    ) -> Result<WrittenChanges, ServiceError> {
        serde_json::from_value(kept).map_err(ServiceError::internal)
    }
}
