//! `pushTask`: edits of offline clients.

use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use serde_json::Value as Json;

use super::rejections::Rejections;
use super::{document, types};
use crate::graphql::committed::Committed;
use crate::graphql::context::call;
use crate::graphql::error::Refusal;
use crate::graphql::guard::given;
use crate::service::offline::document::Document;
use crate::service::offline::push::push;
use crate::service::offline::synced::Synced;

pub(super) fn field(synced: &Arc<Synced>) -> Field {
    let of = Arc::clone(synced);
    let name = format!("push{}", synced.info().object);
    let ty = TypeRef::named_nn_list_nn(document::name(synced));
    Field::new(name, ty, move |ctx| {
        let synced = Arc::clone(&of);
        FieldFuture::new(async move {
            let documents = documents(&ctx, &synced)
                .await?
                .into_iter()
                .map(FieldValue::owned_any);
            Ok(Some(FieldValue::list(documents)))
        })
    })
    .description(
        "Stores edits, each whole or not at all, in one transaction. The answer has every row that is \
         not as it was sent; why is in `extensions.rejections`, and the edit in `syncConflicts`.",
    )
    .argument(InputValue::new(
        argument(synced),
        TypeRef::named_nn_list(types::push_row(synced)),
    ))
}

fn argument(synced: &Synced) -> String {
    format!("{}PushRow", synced.info().field)
}

async fn documents(ctx: &ResolverContext<'_>, synced: &Synced) -> Result<Vec<Document>, Refusal> {
    let Some(taken) = push(call(ctx)?, synced, rows(ctx, synced)?).await? else {
        return Ok(Vec::new());
    };
    Committed::add(ctx);
    if let Some(all) = ctx.data_opt::<Rejections>() {
        all.add(taken.rejections);
    }
    Ok(taken.documents)
}

fn rows(ctx: &ResolverContext<'_>, synced: &Synced) -> Result<Vec<Json>, Refusal> {
    let malformed = || Refusal::bad_input("a push has a list of rows");
    let rows = given(ctx, &argument(synced)).map(|rows| rows.into_owned().into_json());
    match rows.transpose().map_err(|_| malformed())? {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(rows)) => Ok(rows),
        // GraphQL accepts a single value as a list of one.
        Some(row @ Json::Object(_)) => Ok(vec![row]),
        Some(_) => Err(malformed()),
    }
}
