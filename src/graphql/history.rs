//! `taskHistory` and `taskAsOf`: the history of one row.

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use chrono::{DateTime, Datelike, Utc};

use super::context::{call, visible};
use super::error::Refusal;
use super::parameters;
use super::record::record_name;
use crate::feed::{Cursor, FeedError, RowName, Start, When};
use crate::service::entity::EntityInfo;
use crate::service::history as service;
use crate::service::registered::Registered;

/// `taskHistory(key, after, first)`.
pub(super) fn history(entity: &Arc<EntityInfo>) -> Field {
    let info = Arc::clone(entity);
    let name = format!("{}History", entity.field);
    Field::new(name, TypeRef::named_nn("ChangePage"), move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let row = row_name(&entity, &ctx)?;
            let first = parameters::first(&ctx)?;
            let start = parameters::start(&ctx)?.unwrap_or(Start::Oldest);
            let page = service::history(call(&ctx)?, &row, &start, first).await;
            let page = visible(&ctx)?.page(page.map_err(Refusal::from)?);
            Ok(Some(FieldValue::owned_any(page)))
        })
    })
    .description("Every change of one row that is kept, in order.")
    .argument(InputValue::new("key", TypeRef::named_nn("Json")))
    .argument(parameters::text_argument("after"))
    .argument(parameters::first_argument())
}

/// `taskAsOf(key, cursor, time)`.
pub(super) fn as_of(of: &Registered) -> Field {
    let name = format!("{}AsOf", of.info.field);
    let record = TypeRef::named(record_name(&of.info));
    let of = of.clone();
    Field::new(name, record, move |ctx| {
        let of = of.clone();
        FieldFuture::new(async move {
            let row = row_name(&of.info, &ctx)?;
            let image = service::as_of(call(&ctx)?, &of, &row, &when(&ctx)?).await;
            Ok(image.map_err(Refusal::from)?.map(FieldValue::owned_any))
        })
    })
    .description("One row as it was at a cursor or at a time; null if it did not exist.")
    .argument(InputValue::new("key", TypeRef::named_nn("Json")))
    .argument(parameters::text_argument("cursor"))
    .argument(parameters::text_argument("time"))
}

/// The argument `key`, checked against the entity's key and written as the log has it.
fn row_name(entity: &EntityInfo, ctx: &ResolverContext<'_>) -> Result<RowName, Refusal> {
    let given = parameters::key(ctx)?.ok_or_else(|| Refusal::bad_input("`key` is missing"))?;
    Ok(service::row_name(entity, &given)?)
}

/// The arguments `cursor` and `time`, of which exactly one must be given.
fn when(ctx: &ResolverContext<'_>) -> Result<When, Refusal> {
    match (
        parameters::text(ctx, "cursor")?,
        parameters::text(ctx, "time")?,
    ) {
        (Some(cursor), None) => {
            let cursor = Cursor::from_str(&cursor).map_err(FeedError::from)?;
            Ok(When::At(cursor))
        }
        (None, Some(time)) => Ok(When::By(instant(&time)?)),
        _ => Err(Refusal::bad_input("pass either `cursor` or `time`")),
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, Refusal> {
    let malformed = || Refusal::bad_input("`time` is RFC 3339, e.g. 2026-11-21T13:00:00Z");
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|_| malformed())?
        .with_timezone(&Utc);
    // Years that every database can compare.
    let in_range = (1..=9_999).contains(&time.year());
    in_range.then_some(time).ok_or_else(malformed)
}
