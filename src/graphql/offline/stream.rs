//! `streamTask`: what a pull would return, as it happens.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, ResolverContext, SubscriptionField, TypeRef};

use super::types;
use crate::feed::{Change, Epoch, Selection, Start};
use crate::graphql::caller::Caller;
use crate::graphql::error::Refusal;
use crate::graphql::live::{Begin, Item, Plan, Role, Watched};
use crate::service::offline::synced::Synced;

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

/// Begins with what comes after the caller's socket was accepted; over HTTP, with the next change.
pub(super) fn since_accepted(ctx: &ResolverContext<'_>) -> Result<Begin, Refusal> {
    let caller = ctx
        .data::<Caller>()
        .map_err(|error| Refusal::internal(&error.message))?;
    let since = caller.since.clone();
    Ok(since.map_or(Begin::Now, |cursor| Begin::From(Start::After(cursor))))
}

/// A client first connects, then pulls, and then listens. If it listened only from now, what commits in between
/// would be lost.
fn plan(ctx: &ResolverContext<'_>, synced: &Arc<Synced>) -> Result<Plan, Refusal> {
    Ok(Plan::new(Stream(Arc::clone(synced)), since_accepted(ctx)?))
}

/// The rows of one entity for offline clients, one item per transaction.
struct Stream(Arc<Synced>);

impl Watched for Stream {
    fn selection(&self) -> Selection {
        self.0.selection()
    }

    fn parcels(&self, changes: Vec<Arc<Change>>) -> Vec<Vec<Arc<Change>>> {
        let is_one = |one: &Arc<Change>, next: &Arc<Change>| {
            one.row.transaction_id == next.row.transaction_id
        };
        changes.chunk_by(is_one).map(<[_]>::to_vec).collect()
    }

    fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item> {
        self.0.bulk(epoch, parcel).map(Item::of)
    }

    fn is_pulled(&self) -> bool {
        true
    }
}
