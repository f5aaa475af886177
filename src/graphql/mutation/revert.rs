//! `revertChange` and `revertTransaction`.

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};

use crate::feed::{Cursor, FeedError, Named};
use crate::graphql::change::ChangeNode;
use crate::graphql::committed::Committed;
use crate::graphql::context::{call, feed, visible};
use crate::graphql::error::Refusal;
use crate::graphql::parameters;
use crate::service::registered::ByTable;
use crate::service::revert::{self, Reverted};

/// `revertChange(cursor)`.
pub(in crate::graphql) fn change(targets: &ByTable) -> Field {
    let targets = Arc::clone(targets);
    Field::new("revertChange", changes_type(), move |ctx| {
        let targets = Arc::clone(&targets);
        FieldFuture::new(async move {
            let text = parameters::text(&ctx, "cursor")?.unwrap_or_default();
            let cursor = Cursor::from_str(&text).map_err(|e| Refusal::from(FeedError::from(e)))?;
            let reverted = revert::change(call(&ctx)?, &targets, &cursor).await;
            Ok(Some(written(&ctx, reverted.map_err(Refusal::from)?).await?))
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
            let id = parameters::text(&ctx, "transactionId")?.unwrap_or_default();
            let reverted = revert::transaction(call(&ctx)?, &targets, &id).await;
            Ok(Some(written(&ctx, reverted.map_err(Refusal::from)?).await?))
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

/// The changes that a revert wrote.
async fn written(
    ctx: &ResolverContext<'_>,
    reverted: Reverted,
) -> Result<FieldValue<'static>, Refusal> {
    Committed::add(ctx);
    let Named { epoch, changes } = reverted.changes(feed(ctx)?).await?;
    let visible = visible(ctx)?;
    Ok(FieldValue::list(changes.into_iter().map(move |change| {
        FieldValue::owned_any(ChangeNode {
            change: visible.change(&Arc::new(change)),
            epoch: epoch.clone(),
        })
    })))
}
