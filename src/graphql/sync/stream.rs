//! `streamTask`: what pull would bring, as it happens.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::dynamic::{InputValue, ResolverContext, SubscriptionField, TypeRef};
use serde_json::Value as Json;

use super::document::Document;
use super::{Synced, types};
use crate::feed::{Change, Cursor, Epoch, Selection, Start};
use crate::graphql::api::Caller;
use crate::graphql::error::Refusal;
use crate::graphql::live::{Begin, Plan, Role, Watch};

/// Rows and the checkpoint after them.
#[derive(Clone, Debug)]
pub(in crate::graphql) struct Bulk {
    pub(super) documents: Vec<Document>,
    pub(super) checkpoint: String,
}

/// What a change left of its row.
pub(super) fn left(synced: &Synced, change: &Change) -> Document {
    let row = |json: &Option<Json>| json.as_ref().and_then(Json::as_object).cloned();
    match (row(&change.row.after), row(&change.row.before)) {
        (Some(after), _) => Document::present(after),
        (None, before) => {
            let mut row = before.unwrap_or_default();
            row.extend(change.row.row_key.as_object().cloned().unwrap_or_default());
            Document::tombstone(synced, &row)
        }
    }
}

impl Synced {
    /// What it wants of the log.
    pub(in crate::graphql) fn selection(&self) -> Selection {
        Selection {
            entities: Some(vec![self.info().table.to_owned()]),
            ..Selection::default()
        }
    }

    /// Changes of one transaction as an event: each row once.
    pub(in crate::graphql) fn bulk(&self, epoch: &Epoch, changes: &[Arc<Change>]) -> Option<Bulk> {
        let last = changes.last()?;
        let mut seen = HashSet::with_capacity(changes.len());
        let newest = changes.iter().rev();
        let newest = newest.filter(|change| seen.insert(change.row.row_key.to_string()));
        let mut documents: Vec<Document> = newest.map(|change| left(self, change)).collect();
        documents.reverse();
        Some(Bulk {
            documents,
            checkpoint: Cursor::at(epoch, last.position).to_string(),
        })
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
