//! `Change`, `ChangePage` and the queries on the log.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, Field, FieldFuture, FieldValue, InputValue, Object, TypeRef};
use async_graphql::{Request, Value as GraphqlValue};
use sea_orm::Iterable;
use seachange_changelog::Operation;

use super::context::{budget, feed, visible};
use super::error::Refusal;
use super::object_of::ObjectOf;
use super::parameters::{self, operation_name};
use crate::feed::{Change, Cursor, Epoch, Feed, FeedError, Page, Start};
use crate::service::budget::Cost;
use crate::service::exposure::Action;
use crate::service::time::time;

/// A change, with the epoch that its cursor needs.
#[derive(Clone, Debug)]
pub(super) struct ChangeNode {
    pub(super) change: Arc<Change>,
    pub(super) epoch: Epoch,
}

pub(super) fn operation_enum() -> Enum {
    Operation::iter().fold(Enum::new("ChangeOperation"), |items, operation| {
        items.item(operation_name(operation))
    })
}

pub(super) fn object() -> Object {
    ObjectOf::<ChangeNode>::new("Change")
        .description("One row's insert, update or delete.")
        .text("cursor", |node| {
            Cursor::at(&node.epoch, node.change.position).to_string()
        })
        .text("entity", |node| node.change.row.entity.clone())
        .json("key", |node| node.change.row.row_key.clone())
        .item("operation", "ChangeOperation", |node| {
            Some(operation_name(node.change.row.operation))
        })
        .json_or_null("before", |node| node.change.row.before.clone())
        .json_or_null("after", |node| node.change.row.after.clone())
        .texts("changedFields", |node| node.change.changed_fields())
        .text_or_null("actor", |node| node.change.row.actor.clone())
        .text_or_null("mutationId", |node| node.change.row.mutation_id.clone())
        .json_or_null("metadata", |node| node.change.row.metadata.clone())
        .text("transactionId", |node| {
            node.change.row.transaction_id.clone()
        })
        .text("source", |node| node.change.row.source.as_str().to_owned())
        .text("recordedAt", |node| time(node.change.row.recorded_at))
        .finish()
}

pub(super) fn page_object() -> Object {
    ObjectOf::<Page>::new("ChangePage")
        .page("Change", nodes, end_cursor, |page| page.has_more)
        .finish()
}

fn nodes(page: &Page) -> Vec<FieldValue<'_>> {
    let nodes = page.changes.iter().map(|change| {
        FieldValue::owned_any(ChangeNode {
            change: Arc::new(change.clone()),
            epoch: page.epoch.clone(),
        })
    });
    nodes.collect()
}

fn end_cursor(page: &Page) -> Option<String> {
    let last = page.changes.last()?;
    Some(Cursor::at(&page.epoch, last.position).to_string())
}

/// `changes(…)`: a page of the log.
pub(super) fn query() -> Field {
    Field::new("changes", TypeRef::named_nn("ChangePage"), |ctx| {
        FieldFuture::new(async move {
            let first = parameters::first(&ctx)?;
            let start = parameters::start(&ctx)?.unwrap_or(Start::Oldest);
            let mut wanted = parameters::selection(&ctx, Action::History)?;
            wanted.key = parameters::key(&ctx)?;
            wanted.actor = parameters::text(&ctx, "actor")?;
            wanted.transaction_id = parameters::text(&ctx, "transactionId")?;
            let feed = feed(&ctx)?;
            let page = feed
                .page(&start, &wanted, first)
                .await
                .map_err(Refusal::from)?;
            budget(&ctx)?.charge(Cost::of_changes(&page.changes))?;
            Ok(Some(FieldValue::owned_any(visible(&ctx)?.page(page))))
        })
    })
    .description("Changes in the order of the feed, from the oldest or from a cursor.")
    .argument(parameters::text_argument("after"))
    .argument(parameters::first_argument())
    .argument(parameters::entities_argument())
    .argument(parameters::operations_argument())
    .argument(InputValue::new("key", TypeRef::named("Json")))
    .argument(parameters::text_argument("actor"))
    .argument(parameters::text_argument("transactionId"))
}

const HEAD: &str = "changesHead";

/// The position before anything of a request was executed.
struct HeadBefore(Result<Cursor, FeedError>);

/// Reads the position before the request's fields, which are resolved concurrently. Otherwise a client that
/// asks for position and rows at once could get rows that are older, and never receive the changes in between.
pub(super) async fn with_head(feed: &Feed, request: Request) -> Request {
    // The name may also occur elsewhere in the query, which is rare and costs one statement.
    if request.query.contains(HEAD) {
        request.data(HeadBefore(feed.head().await))
    } else {
        request
    }
}

/// `changesHead`: the position now.
pub(super) fn head() -> Field {
    Field::new(HEAD, TypeRef::named_nn(TypeRef::STRING), |ctx| {
        FieldFuture::new(async move {
            let head = match ctx.data_opt::<HeadBefore>() {
                Some(HeadBefore(head)) => head.clone(),
                None => feed(&ctx)?.head().await,
            };
            let head = head.map_err(Refusal::from)?;
            Ok(Some(GraphqlValue::from(head.to_string())))
        })
    })
    .description(
        "The position now: read it, then the data, or both in one query, then subscribe from it.",
    )
}
