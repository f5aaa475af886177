//! The subscriptions: `changes`, and `taskChanges` for each entity.

mod records;

use std::sync::Arc;

use async_graphql::dynamic::{
    FieldValue, InputValue, SubscriptionField, SubscriptionFieldFuture, TypeRef,
};
use futures_util::StreamExt;
use futures_util::stream;
use seaography::{BuilderContext, FilterInputBuilder};

use super::change::{self, ChangeNode};
use super::entity::EntityInfo;
use super::error::Refusal;
use super::filter;
use super::record::change_name;
use super::table::Table;
use crate::feed::{FeedItem, Start};
use records::{Begin, Records};

/// `changes(after, entities, operations)`.
pub(super) fn changes() -> SubscriptionField {
    SubscriptionField::new("changes", TypeRef::named_nn("Change"), |ctx| {
        SubscriptionFieldFuture::new(async move {
            let start = change::start(&ctx)?.unwrap_or(Start::Now);
            let wanted = change::selection(&ctx)?;
            let feed = change::feed(&ctx)?;
            let subscription = feed
                .subscribe(&start, wanted)
                .await
                .map_err(Refusal::from)?;
            let epoch = feed.epoch().clone();
            let items = stream::unfold(Some(subscription), |subscription| async {
                let mut subscription = subscription?;
                loop {
                    match subscription.next().await {
                        Ok(FeedItem::Change(change)) => {
                            return Some((Ok(change), Some(subscription)));
                        }
                        Ok(FeedItem::CaughtUp) => {}
                        Err(error) => return Some((Err(Refusal::from(error)), None)),
                    }
                }
            });
            Ok(items.map(move |item| {
                let change = item?;
                let epoch = epoch.clone();
                Ok(FieldValue::owned_any(ChangeNode { change, epoch }))
            }))
        })
    })
    .description("Every change, in order, once; from a cursor or from now.")
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "entities",
        TypeRef::named_nn_list(TypeRef::STRING),
    ))
    .argument(InputValue::new(
        "operations",
        TypeRef::named_nn_list("ChangeOperation"),
    ))
}

/// `taskChanges(after, filters, includeInitial)`.
pub(super) fn records(
    context: &'static BuilderContext,
    entity: &Arc<EntityInfo>,
    table: &Arc<dyn Table>,
) -> SubscriptionField {
    let (info, rows) = (Arc::clone(entity), Arc::clone(table));
    let name = format!("{}Changes", entity.field);
    SubscriptionField::new(name, TypeRef::named_nn(change_name(entity)), move |ctx| {
        let (entity, table) = (Arc::clone(&info), Arc::clone(&rows));
        SubscriptionFieldFuture::new(async move {
            let predicate = match ctx.args.get("filters") {
                Some(value) => filter::parse(&entity, value.as_value())?,
                None => None,
            };
            if let Some(predicate) = &predicate {
                predicate.check_streamable(&entity)?;
            }
            let initial = ctx
                .args
                .get("includeInitial")
                .filter(|value| !value.is_null());
            let initial = initial.is_some_and(|value| value.boolean().unwrap_or(false));
            let begin = match (change::start(&ctx)?, initial) {
                (Some(_), true) => {
                    return Err(Refusal::bad_input(
                        "`after` continues, `includeInitial` starts anew: pass one of them",
                    )
                    .into());
                }
                (None, true) => Begin::WithRows,
                (Some(start), false) => Begin::From(start),
                (None, false) => Begin::Now,
            };
            let feed = change::feed(&ctx)?.clone();
            let records = Records::open(feed, entity, table, predicate, begin).await?;
            Ok(records
                .into_stream()
                .map(|item| Ok(FieldValue::owned_any(item?))))
        })
    })
    .description("The rows that match, as they come, change and go.")
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "filters",
        TypeRef::named(FilterInputBuilder { context }.type_name(&entity.object)),
    ))
    .argument(
        InputValue::new("includeInitial", TypeRef::named(TypeRef::BOOLEAN)).default_value(false),
    )
}
