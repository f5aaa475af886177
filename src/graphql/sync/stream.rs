//! `streamTask`: what pull would bring, as it happens.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, ResolverContext, SubscriptionField, TypeRef};

use super::{Synced, types};
use crate::feed::{Selection, Start};
use crate::graphql::caller::Caller;
use crate::graphql::error::Refusal;
use crate::graphql::live::{Begin, Plan, Role, Watch};

impl Synced {
    /// What it wants of the log.
    pub(in crate::graphql) fn selection(&self) -> Selection {
        Selection {
            entities: Some(vec![self.info().table.to_owned()]),
            ..Selection::default()
        }
    }
}

/// The field.
pub(super) fn field(synced: &Arc<Synced>) -> SubscriptionField {
    let of = Arc::clone(synced);
    let name = format!("stream{}", synced.info().object);
    SubscriptionField::new(name, TypeRef::named_nn(types::bulk(synced)), move |ctx| {
        Role::answer(&ctx, |ctx| plan(ctx, &of))
    })
    .description(
        "Rows as they change, each transaction at once, from the moment at which the socket was \
         accepted. When it cannot go on, the socket is closed with a code after which clients connect \
         again.",
    )
    .argument(InputValue::new(
        "headers",
        TypeRef::named(types::headers(synced)),
    ))
}

impl Begin {
    /// With what comes after the caller's socket was accepted; over HTTP, with the next change.
    pub(super) fn of_socket(ctx: &ResolverContext<'_>) -> Result<Self, Refusal> {
        let caller = ctx.data::<Caller>();
        let caller = caller.map_err(|error| Refusal::internal(&error.message))?;
        let since = caller.since.clone();
        Ok(since.map_or(Self::Now, |cursor| Self::From(Start::After(cursor))))
    }
}

/// A client pulls when it is connected and listens then: what commits in between would be lost to one
/// that listens from now.
fn plan(ctx: &ResolverContext<'_>, synced: &Arc<Synced>) -> Result<Plan, Refusal> {
    Ok(Plan {
        begin: Begin::of_socket(ctx)?,
        watch: Watch::Bulk(Arc::clone(synced)),
    })
}
