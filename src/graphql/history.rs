//! `taskHistory` and `taskAsOf`: one row's life.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use chrono::{DateTime, Datelike, Utc};
use sea_orm::DatabaseConnection;
use seachange_changelog::reader::last_of;
use seachange_changelog::{Image, image};
use serde_json::Value as Json;

use super::budget::{Budget, Cost};
use super::change;
use super::entity::EntityInfo;
use super::error::Refusal;
use super::record::record_name;
use super::table::Table;
use crate::feed::{Cursor, Feed, FeedError, Past, RowName, Start, When};

/// `taskHistory(key, after, first)`.
pub(super) fn history(entity: &Arc<EntityInfo>) -> Field {
    let info = Arc::clone(entity);
    let name = format!("{}History", entity.field);
    Field::new(name, TypeRef::named_nn("ChangePage"), move |ctx| {
        let entity = Arc::clone(&info);
        FieldFuture::new(async move {
            let row = row_name(&entity, &ctx)?;
            let first = change::first(&ctx)?;
            let start = change::start(&ctx)?.unwrap_or(Start::Oldest);
            let page = change::feed(&ctx)?.history(&start, &row, first).await;
            let page = page.map_err(Refusal::from)?;
            Budget::of(&ctx)?.charge(Cost::of_changes(&page.changes))?;
            Ok(Some(FieldValue::owned_any(page)))
        })
    })
    .description("Every change of one row that is kept, in order.")
    .argument(InputValue::new("key", TypeRef::named_nn("Json")))
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
    .argument(change::first_argument())
}

/// `taskAsOf(key, cursor, time)`.
pub(super) fn as_of(entity: &Arc<EntityInfo>, table: &Arc<dyn Table>) -> Field {
    let (info, table) = (Arc::clone(entity), Arc::clone(table));
    let name = format!("{}AsOf", entity.field);
    Field::new(name, TypeRef::named(record_name(entity)), move |ctx| {
        let (entity, table) = (Arc::clone(&info), Arc::clone(&table));
        FieldFuture::new(async move {
            let row = row_name(&entity, &ctx)?;
            let when = when(&ctx)?;
            let image = state(&ctx, &entity, table.as_ref(), &row, &when).await?;
            Budget::of(&ctx)?.charge(Cost::of_images(&image))?;
            Ok(image.map(FieldValue::owned_any))
        })
    })
    .description("One row as it was at a cursor or at a time; null if it did not exist.")
    .argument(InputValue::new("key", TypeRef::named_nn("Json")))
    .argument(InputValue::new("cursor", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new("time", TypeRef::named(TypeRef::STRING)))
}

/// The row at the moment: as its changes tell, or as it is if there are none.
async fn state(
    ctx: &ResolverContext<'_>,
    entity: &EntityInfo,
    table: &dyn Table,
    row: &RowName,
    when: &When,
) -> Result<Option<Image>, Refusal> {
    let feed: &Feed = change::feed(ctx)?;
    let db = ctx
        .data::<DatabaseConnection>()
        .map_err(|error| Refusal::internal(&error.message))?;
    match known(feed.past(row, when).await?) {
        Some(Some(image)) if !entity.has_todays_shape(&image) => {
            return Ok(Some(completed(db, table, row, image).await?));
        }
        Some(known) => return Ok(known),
        None => {}
    }
    let now = table.find(db, &row.key).await?;
    // What was committed before the row was read is in the log now, and tells what it found.
    Ok(known(feed.past(row, when).await?).unwrap_or(now))
}

/// An image from before a column came. Where no later change tells of the row, the column has what the
/// table has; elsewhere what it had then is not known, and null.
async fn completed(
    db: &DatabaseConnection,
    table: &dyn Table,
    row: &RowName,
    mut image: Image,
) -> Result<Image, Refusal> {
    // The table first: a change that comes in between is then the last, and another.
    let found = table.find(db, &row.key).await?;
    let mut last = last_of(db, &row.entity, std::slice::from_ref(&row.key)).await?;
    let last = last.remove(&0).and_then(|change| change.after);
    let is_last = last.as_ref().and_then(Json::as_object) == Some(&image);
    if let (true, Some(now)) = (is_last, found) {
        let newer = now
            .into_iter()
            .filter(|(name, _)| !image.contains_key(name));
        let newer: Vec<_> = newer.collect();
        image.extend(newer);
    }
    Ok(image)
}

fn known(past: Past) -> Option<Option<Image>> {
    match past {
        Past::Made(image) | Past::Found(image) => Some(image),
        Past::Untouched => None,
    }
}

/// The argument `key`, checked against the entity's key and written as the log has it.
fn row_name(entity: &EntityInfo, ctx: &ResolverContext<'_>) -> Result<RowName, Refusal> {
    let given = change::key(ctx)?.ok_or_else(|| Refusal::bad_input("`key` is missing"))?;
    let mut key = BTreeMap::new();
    for column in entity.key() {
        let name = column.name;
        let json = given
            .get(name)
            .filter(|json| !json.is_null())
            .ok_or_else(|| Refusal::bad_input(format!("`key` lacks the column `{name}`")))?;
        if image::is_unfit(json) {
            key.insert(name.to_owned(), json.clone());
            continue;
        }
        let value = image::decode(&column.ty, &column.rust, json)?;
        let value = image::canonical(&column.ty, value);
        key.insert(name.to_owned(), image::encode(&column.ty, &value)?);
    }
    if let Some(other) = given.keys().find(|name| !key.contains_key(*name)) {
        return Err(Refusal::bad_input(format!(
            "`key`: `{other}` is no key column of `{}`",
            entity.table
        )));
    }
    Ok(RowName {
        entity: entity.table.to_owned(),
        key: key.into_iter().collect(),
    })
}

/// The arguments `cursor` and `time`, of which there is one.
fn when(ctx: &ResolverContext<'_>) -> Result<When, Refusal> {
    match (change::text(ctx, "cursor")?, change::text(ctx, "time")?) {
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
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| malformed())?;
    let time = time.with_timezone(&Utc);
    // What every database can compare with.
    let in_range = (1..=9_999).contains(&time.year());
    in_range.then_some(time).ok_or_else(malformed)
}
