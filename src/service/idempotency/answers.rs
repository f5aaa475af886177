//! Rows as stored in kept answers: their images, without the columns that are hidden from the log.

use std::collections::HashMap;

use sea_orm::{EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};
use seachange_changelog::internal::Hidden;
use seachange_changelog::{Image, TrackedTransaction};
use serde_json::Value as Json;

use crate::service::code::ErrorCode;
use crate::service::error::ServiceError;
use crate::service::row::Row;
use crate::service::rows::{RowWriter, RowWriterOf};
use crate::service::writable::Writable;

/// What to keep of rows.
pub(crate) fn remember_rows<E: Writable>(rows: &[Row]) -> Json {
    let hidden = Hidden::of::<E>();
    let images = rows.iter().map(|row| {
        let mut image = row.image::<E>();
        image.retain(|column, _| !hidden.hides(column));
        Json::Object(image)
    });
    images.collect()
}

/// Rebuilds the rows from what was kept, in their order. Hidden columns have the values that the rows have now.
///
/// # Errors
/// `NOT_FOUND` if a row with hidden columns is gone; `INTERNAL` if the entity has a column that was not kept,
/// because the entity has changed since.
pub(crate) async fn recall_rows<E: Writable>(
    tx: &TrackedTransaction,
    kept: Json,
) -> Result<Vec<Row>, ServiceError> {
    let mut images: Vec<Image> = serde_json::from_value(kept).map_err(ServiceError::internal)?;
    if Hidden::of::<E>() != Hidden::default() {
        complete::<E>(tx, &mut images).await?;
    }
    let has_all = |image: &Image| {
        let mut columns = E::Column::iter();
        columns.all(|column| image.contains_key(column.as_str()))
    };
    // The answer was kept by another version of the program.
    if !images.iter().all(has_all) {
        let why = "the entity has got columns since the answer was kept";
        return Err(ServiceError::internal(why));
    }
    Ok(images.into_iter().map(Row::of_image::<E>).collect())
}

/// Adds the hidden columns to the images.
async fn complete<E: Writable>(
    tx: &TrackedTransaction,
    images: &mut [Image],
) -> Result<(), ServiceError> {
    let keys: Vec<Image> = images.iter().map(|image| key_of::<E>(image)).collect();
    let stored = RowWriterOf::<E>::new()
        .lock(tx, &keys)
        .await?
        .into_iter()
        .map(|row| (text(key_of::<E>(&row)), row));
    let stored: HashMap<String, Image> = stored.collect();
    for (image, key) in images.iter_mut().zip(keys) {
        let row = stored.get(&text(key)).ok_or_else(|| {
            ServiceError::new(
                ErrorCode::NotFound,
                "it was done, and its row has been deleted since",
            )
        })?;
        for (column, value) in row {
            image.entry(column).or_insert_with(|| value.clone());
        }
    }
    Ok(())
}

fn key_of<E: EntityTrait>(image: &Image) -> Image {
    let columns = E::PrimaryKey::iter().map(|key| key.into_column().as_str());
    let values = columns.filter_map(|name| Some((name.to_owned(), image.get(name)?.clone())));
    values.collect()
}

fn text(key: Image) -> String {
    Json::Object(key).to_string()
}
