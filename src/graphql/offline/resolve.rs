//! `resolveSyncConflict`: a person decides what is done with an edit in the inbox.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use seachange_changelog::Image;
use serde_json::Value as Json;

use super::inbox::ConflictNode;
use crate::graphql::committed::Committed;
use crate::graphql::context::{call, visible};
use crate::graphql::error::Refusal;
use crate::graphql::guard::given;
use crate::graphql::parameters;
use crate::service::offline::resolve::{Decided, InboxChoice, resolve};
use crate::service::offline::synced::SyncedByTable;

/// `SyncResolution`.
pub(super) fn choices() -> Enum {
    Enum::new("SyncResolution")
        .item("KEEP_SERVER")
        .item("USE_CLIENT")
        .item("USE_DATA")
}

pub(super) fn field(by_table: &SyncedByTable) -> Field {
    let by_table = Arc::clone(by_table);
    Field::new(
        "resolveSyncConflict",
        TypeRef::named_nn("SyncConflict"),
        move |ctx| {
            let entities = Arc::clone(&by_table);
            FieldFuture::new(async move {
                let conflict = resolved(&ctx, &entities).await?;
                Ok(Some(FieldValue::owned_any(conflict)))
            })
        },
    )
    .description(
        "Decides what becomes of an edit in the inbox. USE_CLIENT stores the columns that the edit \
         changed; others stay as they are. CONFLICT if it has been decided, or if what is to be written \
         has changed since: look again, the conflict then has it as it is.",
    )
    .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::STRING)))
    .argument(InputValue::new("use", TypeRef::named_nn("SyncResolution")))
    .argument(
        InputValue::new("data", TypeRef::named("Json"))
            .description("With USE_DATA: the fields to store; other fields stay."),
    )
    .argument(InputValue::new("seen", TypeRef::named("Json")).description(
        "The row as it was seen when this was decided: the conflict's `server`. Left out or null: as it was \
         when the conflict was recorded.",
    ))
}

async fn resolved(
    ctx: &ResolverContext<'_>,
    entities: &SyncedByTable,
) -> Result<ConflictNode, Refusal> {
    let decided = Decided {
        id: parameters::text(ctx, "id")?.unwrap_or_default(),
        choice: choice(ctx)?,
        seen: seen(ctx)?,
    };
    let conflict = resolve(call(ctx)?, entities, decided).await?;
    Committed::add(ctx);
    ConflictNode::of(&conflict, visible(ctx)?)
}

fn choice(ctx: &ResolverContext<'_>) -> Result<InboxChoice, Refusal> {
    let word = ctx.args.get("use");
    let word = word.as_ref().and_then(|word| word.enum_name().ok());
    let data = given(ctx, "data")
        .filter(|data| **data != async_graphql::Value::Null)
        .map(|data| data.into_owned().into_json());
    match (word, data) {
        (Some("KEEP_SERVER"), None) => Ok(InboxChoice::KeepServer),
        (Some("USE_CLIENT"), None) => Ok(InboxChoice::UseClient),
        (Some("USE_DATA"), Some(Ok(Json::Object(data)))) => Ok(InboxChoice::UseData(data)),
        (Some("USE_DATA"), _) => Err(Refusal::bad_input("`data` is an object of fields")),
        _ => Err(Refusal::bad_input("`data` goes with USE_DATA only")),
    }
}

/// The row on which the decision is based; `None` if the request does not say.
fn seen(ctx: &ResolverContext<'_>) -> Result<Option<Image>, Refusal> {
    let seen = ctx
        .args
        .get("seen")
        .map(|seen| seen.as_value().clone().into_json());
    match seen {
        None | Some(Ok(Json::Null)) => Ok(None),
        Some(Ok(Json::Object(seen))) => Ok(Some(seen)),
        Some(_) => Err(Refusal::bad_input("`seen` is a row")),
    }
}
