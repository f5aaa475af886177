//! `pullTask`: the rows that have changed since a checkpoint, each once, as they are now.

use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};

use super::{document_list, types};
use crate::feed::FeedError;
use crate::graphql::context::call;
use crate::graphql::error::Refusal;
use crate::service::offline::pull::pull;
use crate::service::offline::synced::Synced;

pub(super) fn field(synced: &Arc<Synced>) -> Field {
    let of = Arc::clone(synced);
    let name = format!("pull{}", synced.info().object);
    Field::new(name, TypeRef::named_nn(types::bulk(synced)), move |ctx| {
        let synced = Arc::clone(&of);
        FieldFuture::new(async move {
            let (limit, checkpoint) = (limit(&ctx)?, checkpoint(&ctx)?);
            let bulk = pull(call(&ctx)?, &synced, checkpoint.as_deref(), limit)
                .await
                .map_err(Refusal::from)?;
            document_list::render(&ctx, &synced, &bulk);
            Ok(Some(FieldValue::owned_any(bulk)))
        })
    })
    .description(
        "Rows that have changed since the checkpoint, each once, as they are; without one, all rows. \
         Fewer than `limit`: there are no more for now.",
    )
    .argument(InputValue::new(
        "checkpoint",
        TypeRef::named(types::input_checkpoint(synced)),
    ))
    .argument(InputValue::new("limit", TypeRef::named_nn(TypeRef::INT)))
}

/// The argument `limit`.
fn limit(ctx: &ResolverContext<'_>) -> Result<usize, Refusal> {
    let limit = ctx
        .args
        .get("limit")
        .and_then(|limit| limit.i64().ok())
        .and_then(|limit| usize::try_from(limit).ok());
    limit.ok_or_else(|| Refusal::bad_input("`limit` is at least 1"))
}

/// The text of the argument `checkpoint`.
fn checkpoint(ctx: &ResolverContext<'_>) -> Result<Option<String>, Refusal> {
    let given = ctx.args.get("checkpoint").filter(|given| !given.is_null());
    let Some(given) = given else {
        return Ok(None);
    };
    let malformed = || Refusal::from(FeedError::CursorInvalid);
    let object = given.object().map_err(|_| malformed())?;
    let cursor = object.get("cursor").ok_or_else(malformed)?;
    let text = cursor.string().map_err(|_| malformed())?;
    Ok(Some(text.to_owned()))
}
