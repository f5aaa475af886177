//! `revertChange` and `revertTransaction`: the opposite of what was done, written through capture.
//!
//! Guarantees that nothing is overwritten that was done since: then it is a `CONFLICT`, which names
//! the later changes, and nothing is written. A revert is a change like any other; its metadata
//! names what it reverts.

mod plan;

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use seachange_changelog::log::Model;
use seachange_changelog::reader::later;
use seachange_changelog::{TrackedConnection, TrackedTransaction};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::connection;
use crate::feed::{Cursor, Feed, FeedError, Named, Start};
use crate::graphql::budget::Cost;
use crate::graphql::change::{self, ChangeNode};
use crate::graphql::error::{ErrorCode, Refusal};
use crate::graphql::once::{Repeatable, is_of_key, once};
use crate::graphql::pagination::limits;
use crate::graphql::registered::{ByTable, Registered};
use crate::graphql::rows::Rows;
use crate::graphql::transaction::{Failure, Work};
use plan::{Plan, REVERTS, REVERTS_TRANSACTION, RowPlan, Step, Write};

/// Later changes of a row that are looked at; more of them are a conflict whatever they are.
const LATER_MOST: u64 = 1_000;
/// Changes of a revert that are read back; an adopter's hooks may write some of their own.
const WRITTEN_MOST: u64 = 100_000;
/// Times that the written changes are looked for in the log; each look may wait 2 s for another
/// process that puts it in order.
const LOOKS: u32 = 3;

/// `revertChange(cursor)`.
pub(in crate::graphql) fn change(targets: &ByTable) -> Field {
    let targets = Arc::clone(targets);
    Field::new("revertChange", changes_type(), move |ctx| {
        let targets = Arc::clone(&targets);
        FieldFuture::new(async move {
            let text = change::text(&ctx, "cursor")?.unwrap_or_default();
            let cursor = Cursor::from_str(&text).map_err(|e| Refusal::from(FeedError::from(e)))?;
            let named = change::feed(&ctx)?
                .change(&cursor)
                .await
                .map_err(Refusal::from)?;
            if named.changes.is_empty() {
                return Err(Refusal::new(ErrorCode::NotFound, "no change has this cursor").into());
            }
            let written = revert(&ctx, &targets, named, (REVERTS, text)).await?;
            Ok(Some(nodes(written)))
        })
    })
    .description("Undoes one change. CONFLICT if what it did has been changed since.")
    .argument(InputValue::new(
        "cursor",
        TypeRef::named_nn(TypeRef::STRING),
    ))
}

/// `revertTransaction(transactionId)`.
pub(in crate::graphql) fn transaction(targets: &ByTable) -> Field {
    let targets = Arc::clone(targets);
    Field::new("revertTransaction", changes_type(), move |ctx| {
        let targets = Arc::clone(&targets);
        FieldFuture::new(async move {
            let id = change::text(&ctx, "transactionId")?.unwrap_or_default();
            let most = limits(&ctx)?.write_rows;
            let feed = change::feed(&ctx)?;
            let named = feed.transaction(&id, most.saturating_add(1)).await;
            let named = named.map_err(Refusal::from)?;
            if named.changes.is_empty() {
                return Err(
                    Refusal::new(ErrorCode::NotFound, "no such transaction is kept").into(),
                );
            }
            if named.changes.len() as u64 > most {
                let text = format!("more than {most} changes in one mutation");
                return Err(Refusal::limit(text).into());
            }
            let written = revert(&ctx, &targets, named, (REVERTS_TRANSACTION, id)).await?;
            Ok(Some(nodes(written)))
        })
    })
    .description("Undoes all changes of a transaction, or none of them.")
    .argument(InputValue::new(
        "transactionId",
        TypeRef::named_nn(TypeRef::STRING),
    ))
}

fn changes_type() -> TypeRef {
    TypeRef::named_nn_list_nn("Change")
}

fn nodes(written: Named) -> FieldValue<'static> {
    let Named { epoch, changes } = written;
    FieldValue::list(changes.into_iter().map(move |change| {
        FieldValue::owned_any(ChangeNode {
            change: Arc::new(change),
            epoch: epoch.clone(),
        })
    }))
}

/// Reverts these changes and tells what was written.
async fn revert(
    ctx: &ResolverContext<'_>,
    targets: &ByTable,
    named: Named,
    reason: (&str, String),
) -> Result<Named, Refusal> {
    let changes: Vec<Model> = named
        .changes
        .iter()
        .map(|change| change.row.clone())
        .collect();
    let work = Revert {
        plan: Plan::of(&changes, targets)?,
        targets: Arc::clone(targets),
    };
    let feed = change::feed(ctx)?;
    match once(ctx, &on_behalf(connection(ctx)?, reason), &work).await {
        Ok(written) => written.changes_in(feed, &named).await,
        Err(refusal) if refusal.code == ErrorCode::Conflict && !is_of_key(&refusal) => {
            let later = later_cursors(feed, &named, &work.plan).await?;
            Err(refusal.with("later", later))
        }
        Err(refusal) => Err(refusal),
    }
}

/// The caller's connection, whose changes also tell what they revert.
fn on_behalf(db: &TrackedConnection, (name, what): (&str, String)) -> TrackedConnection {
    let mut context = db.context().clone();
    let metadata = context.metadata.get_or_insert_default();
    metadata.insert(name.to_owned(), Json::String(what));
    db.with_context(context)
}

/// What a transaction wrote.
#[derive(Serialize, Deserialize)]
struct Written {
    transaction_id: String,
    rows: usize,
}

impl Written {
    /// Its changes, once they have their places in the log.
    async fn changes_in(self, feed: &Feed, named: &Named) -> Result<Named, Refusal> {
        if self.rows == 0 {
            return Ok(Named {
                epoch: named.epoch.clone(),
                changes: Vec::new(),
            });
        }
        for _ in 0..LOOKS {
            match feed.transaction(&self.transaction_id, WRITTEN_MOST).await {
                Ok(found) if found.changes.len() >= self.rows => return Ok(found),
                Ok(_) | Err(FeedError::Busy) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::new(
            ErrorCode::Unavailable,
            format!(
                "reverted by transaction {}; its changes cannot be read yet",
                self.transaction_id
            ),
        ))
    }
}

/// The cursors of what stands in the way.
async fn later_cursors(feed: &Feed, named: &Named, plan: &Plan) -> Result<GraphqlValue, Refusal> {
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
        cursors.extend(of_row.map(|change| Cursor::at(&page.epoch, change.position).to_string()));
    }
    Ok(change::strings(cursors))
}

struct Revert {
    plan: Plan,
    targets: ByTable,
}

impl Revert {
    fn target(&self, table: &str) -> Result<&Registered, Refusal> {
        let target = self.targets.get(table);
        target.ok_or_else(|| Refusal::internal(&format!("no entity {table}")))
    }

    /// Makes sure that nothing done since is in the way of a row that is locked.
    async fn check(&self, tx: &TrackedTransaction, row: &RowPlan) -> Result<(), Failure> {
        let later = later(tx, &row.name, row.last, LATER_MOST).await?;
        if later.len() as u64 >= LATER_MOST || row.standing(&later).next().is_some() {
            return Err(plan::conflict("later changes stand in the way").into());
        }
        Ok(())
    }
}

async fn write(rows: &dyn Rows, tx: &TrackedTransaction, step: &Step) -> Result<(), Failure> {
    let key = &step.name.key;
    match &step.write {
        Write::Delete => rows.delete(tx, key).await,
        Write::Insert(row) => rows.insert_again(tx, row).await.map(drop),
        Write::Update(set) => rows.update_again(tx, key, set).await.map(drop),
    }
}

/// A value that its column took once is no bad input.
fn outdated(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.code == ErrorCode::BadInput => {
            let message = format!("{}, which it had", refusal.message);
            Refusal::new(ErrorCode::Conflict, message).into()
        }
        failure => failure,
    }
}

impl Work for Revert {
    type Output = Written;

    async fn run(&self, tx: &TrackedTransaction) -> Result<Written, Failure> {
        // All locks first: MariaDB's snapshot begins with the first read that takes none.
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
            write(rows.as_ref(), tx, step).await.map_err(outdated)?;
        }
        Ok(Written {
            transaction_id: tx.transaction_id().to_owned(),
            rows: self.plan.steps.len(),
        })
    }

    fn cost(&self, written: &Written) -> Cost {
        Cost {
            rows: u64::try_from(written.rows).unwrap_or(u64::MAX),
            bytes: 0,
        }
    }
}

impl Repeatable for Revert {
    /// Its changes are in the log.
    fn remember(&self, written: &Written) -> Result<Option<Json>, Refusal> {
        let kept = serde_json::to_value(written);
        kept.map(Some).map_err(|error| Refusal::internal(&error))
    }

    async fn recall(&self, _: &TrackedTransaction, kept: Json) -> Result<Written, Failure> {
        let written = serde_json::from_value(kept);
        Ok(written.map_err(|error| Refusal::internal(&error))?)
    }
}
