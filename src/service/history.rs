//! The history of one row: its changes, and the row as it was.

use std::collections::BTreeMap;

use sea_orm::DatabaseConnection;
use seachange_changelog::Image;
use seachange_changelog::internal::image;
use seachange_changelog::internal::reader::last_of;
use serde_json::Value as Json;

use super::budget::Cost;
use super::call::Call;
use super::entity::EntityInfo;
use super::error::ServiceError;
use super::registered::Registered;
use super::table::Table;
use crate::feed::{Page, Past, RowName, Start, When};

/// Up to `first` kept changes of a row, in order.
///
/// # Errors
/// The errors of the feed, and `LIMIT_EXCEEDED`.
pub(crate) async fn history(
    call: Call<'_>,
    row: &RowName,
    start: &Start,
    first: u64,
) -> Result<Page, ServiceError> {
    let page = call.feed()?.history(start, row, first).await?;
    call.budget.charge(Cost::of_changes(&page.changes))?;
    Ok(page)
}

/// The row at a moment: as its changes show it, or as it is now if it has none; `None` if it did not exist.
///
/// # Errors
/// The errors of the feed and of the database, and `LIMIT_EXCEEDED`.
pub(crate) async fn as_of(
    call: Call<'_>,
    of: &Registered,
    row: &RowName,
    when: &When,
) -> Result<Option<Image>, ServiceError> {
    let image = state(call, of, row, when).await?;
    call.budget.charge(Cost::of_images(&image))?;
    Ok(image)
}

async fn state(
    call: Call<'_>,
    of: &Registered,
    row: &RowName,
    when: &When,
) -> Result<Option<Image>, ServiceError> {
    let (feed, db, table) = (call.feed()?, call.db.reader(), of.table.as_ref());
    match state_of(feed.past(row, when).await?) {
        Some(Some(image)) if !of.info.has_todays_shape(&image) => {
            return Ok(Some(completed(db, table, row, image).await?));
        }
        Some(known) => return Ok(known),
        None => {}
    }
    let now = table.find(db, &row.key).await?;
    // Changes committed before the row was read are in the log now, and show the state that they found.
    Ok(state_of(feed.past(row, when).await?).unwrap_or(now))
}

/// Completes an image from before a column was added. If no later change of the row exists, the column has the
/// value that the table has; otherwise its value then is unknown, and null.
async fn completed(
    db: &DatabaseConnection,
    table: &dyn Table,
    row: &RowName,
    mut image: Image,
) -> Result<Image, ServiceError> {
    // The table is read first: a change that comes in between is then the last one, and differs from the image.
    let found = table.find(db, &row.key).await?;
    let last = last_of(db, &row.entity, std::slice::from_ref(&row.key))
        .await?
        .remove(&0)
        .and_then(|change| change.after);
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

fn state_of(past: Past) -> Option<Option<Image>> {
    match past {
        Past::Made(image) | Past::Found(image) => Some(image),
        Past::Untouched => None,
    }
}

/// The row with this key, given by column, as the log names it.
///
/// # Errors
/// `BAD_INPUT` if this is not a key of the entity.
pub(crate) fn row_name(entity: &EntityInfo, given: &Image) -> Result<RowName, ServiceError> {
    let mut key = BTreeMap::new();
    for column in entity.key() {
        let name = column.name;
        let json = given
            .get(name)
            .filter(|json| !json.is_null())
            .ok_or_else(|| ServiceError::bad_input(format!("`key` lacks the column `{name}`")))?;
        if image::is_unfit(json) {
            key.insert(name.to_owned(), json.clone());
            continue;
        }
        let value = image::decode(&column.ty, &column.rust, json)?;
        let value = image::canonical(&column.ty, value);
        key.insert(name.to_owned(), image::encode(&column.ty, &value)?);
    }
    if let Some(other) = given.keys().find(|name| !key.contains_key(*name)) {
        return Err(ServiceError::bad_input(format!(
            "`key`: `{other}` is not a key column of `{}`",
            entity.table
        )));
    }
    Ok(RowName {
        entity: entity.table.to_owned(),
        key: key.into_iter().collect(),
    })
}
