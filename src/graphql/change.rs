//! `Change`, `ChangePage` and the queries on the log.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, TypeRef,
};
use async_graphql::{Request, Value as GraphqlValue};
use sea_orm::Iterable;
use seachange_changelog::Operation;
use serde_json::Value as Json;

use super::context::{budget, feed};
use super::error::Refusal;
use super::parameters::{first, first_argument, key, operation_name, selection, start, text};
use super::scalar::json_value;
use crate::feed::{Change, Cursor, Epoch, Feed, FeedError, Page, Start};
use crate::service::budget::Cost;
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
    let text = |value: &Option<String>| value.clone().map(GraphqlValue::from);
    let json = |value: &Option<Json>| value.clone().map(json_value);
    Object::new("Change")
        .description("One row's insert, update or delete.")
        .field(field(
            "cursor",
            TypeRef::named_nn(TypeRef::STRING),
            |node| {
                Some(
                    Cursor::at(&node.epoch, node.change.position)
                        .to_string()
                        .into(),
                )
            },
        ))
        .field(field(
            "entity",
            TypeRef::named_nn(TypeRef::STRING),
            |node| Some(node.change.row.entity.clone().into()),
        ))
        .field(field("key", TypeRef::named_nn("Json"), |node| {
            Some(json_value(node.change.row.row_key.clone()))
        }))
        .field(field(
            "operation",
            TypeRef::named_nn("ChangeOperation"),
            |node| {
                let name = operation_name(node.change.row.operation);
                Some(GraphqlValue::Enum(async_graphql::Name::new(name)))
            },
        ))
        .field(field("before", TypeRef::named("Json"), move |node| {
            json(&node.change.row.before)
        }))
        .field(field("after", TypeRef::named("Json"), move |node| {
            json(&node.change.row.after)
        }))
        .field(field(
            "changedFields",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |node| Some(strings(node.change.changed_fields())),
        ))
        .field(field(
            "actor",
            TypeRef::named(TypeRef::STRING),
            move |node| text(&node.change.row.actor),
        ))
        .field(field(
            "mutationId",
            TypeRef::named(TypeRef::STRING),
            move |node| text(&node.change.row.mutation_id),
        ))
        .field(field("metadata", TypeRef::named("Json"), move |node| {
            json(&node.change.row.metadata)
        }))
        .field(field(
            "transactionId",
            TypeRef::named_nn(TypeRef::STRING),
            |node| Some(node.change.row.transaction_id.clone().into()),
        ))
        .field(field(
            "source",
            TypeRef::named_nn(TypeRef::STRING),
            |node| Some(node.change.row.source.as_str().into()),
        ))
        .field(field(
            "recordedAt",
            TypeRef::named_nn(TypeRef::STRING),
            |node| Some(time(node.change.row.recorded_at).into()),
        ))
}

pub(super) fn strings(list: Vec<String>) -> GraphqlValue {
    GraphqlValue::List(list.into_iter().map(GraphqlValue::from).collect())
}

fn field(
    name: &str,
    ty: TypeRef,
    read: impl Fn(&ChangeNode) -> Option<GraphqlValue> + Send + Sync + 'static,
) -> Field {
    Field::new(name, ty, move |ctx| {
        let node = ctx.parent_value.try_downcast_ref::<ChangeNode>();
        FieldFuture::from_value(node.ok().and_then(&read))
    })
}

pub(super) fn page_object() -> Object {
    let of = |ctx: &ResolverContext<'_>, read: fn(&Page) -> Option<GraphqlValue>| {
        let page = ctx.parent_value.try_downcast_ref::<Page>();
        page.ok().and_then(read)
    };
    Object::new("ChangePage")
        .field(Field::new(
            "nodes",
            TypeRef::named_nn_list_nn("Change"),
            |ctx| {
                FieldFuture::new(async move {
                    let page = ctx.parent_value.try_downcast_ref::<Page>()?;
                    let nodes = page.changes.iter().map(|change| {
                        FieldValue::owned_any(ChangeNode {
                            change: Arc::new(change.clone()),
                            epoch: page.epoch.clone(),
                        })
                    });
                    Ok(Some(FieldValue::list(nodes)))
                })
            },
        ))
        .field(Field::new(
            "endCursor",
            TypeRef::named(TypeRef::STRING),
            move |ctx| {
                FieldFuture::from_value(of(&ctx, |page| {
                    let last = page.changes.last()?;
                    Some(Cursor::at(&page.epoch, last.position).to_string().into())
                }))
            },
        ))
        .field(Field::new(
            "hasNextPage",
            TypeRef::named_nn(TypeRef::BOOLEAN),
            move |ctx| FieldFuture::from_value(of(&ctx, |page| Some(page.has_more.into()))),
        ))
}

/// `changes(…)`: a page of the log.
pub(super) fn query() -> Field {
    Field::new("changes", TypeRef::named_nn("ChangePage"), |ctx| {
        FieldFuture::new(async move {
            let first = first(&ctx)?;
            let start = start(&ctx)?.unwrap_or(Start::Oldest);
            let mut wanted = selection(&ctx)?;
            wanted.key = key(&ctx)?;
            wanted.actor = text(&ctx, "actor")?;
            wanted.transaction_id = text(&ctx, "transactionId")?;
            let feed = feed(&ctx)?;
            let page = feed
                .page(&start, &wanted, first)
                .await
                .map_err(Refusal::from)?;
            budget(&ctx)?.charge(Cost::of_changes(&page.changes))?;
            Ok(Some(FieldValue::owned_any(page)))
        })
    })
    .description("Changes in the order of the feed, from the oldest or from a cursor.")
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(first_argument())
    .argument(InputValue::new(
        "entities",
        TypeRef::named_nn_list(TypeRef::STRING),
    ))
    .argument(InputValue::new(
        "operations",
        TypeRef::named_nn_list("ChangeOperation"),
    ))
    .argument(InputValue::new("key", TypeRef::named("Json")))
    .argument(InputValue::new("actor", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "transactionId",
        TypeRef::named(TypeRef::STRING),
    ))
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
