//! Writes the row that a client wants, through the entity's hooks.

use seachange_changelog::{Image, TrackedTransaction};
use serde_json::Value as Json;

use super::synced::Synced;
use crate::service::error::ServiceError;
use crate::sync::State;

/// Brings the row into the wanted state and returns it; `stored` is the existing row, locked.
///
/// # Errors
/// `BAD_INPUT` for values that the table does not take; the errors of the entity's hooks and of the
/// database.
pub(super) async fn store(
    tx: &TrackedTransaction,
    synced: &Synced,
    key: &Image,
    stored: Option<&Image>,
    wanted: &State,
) -> Result<Option<Image>, ServiceError> {
    let rows = &synced.registered.rows;
    match stored {
        None if wanted.is_deleted => Ok(None),
        None => {
            let row = rows.insert(tx, &complete(synced, key, wanted)?).await?;
            if synced.key_of(&row) != *key {
                // MariaDB generates a new key for a row with key 0.
                let message = "the database does not take this key";
                return Err(ServiceError::bad_input(message));
            }
            Ok(Some(row))
        }
        Some(_) if wanted.is_deleted => {
            rows.delete(tx, key).await?;
            Ok(None)
        }
        Some(stored) => {
            let set = differing(synced, stored, wanted)?;
            if set.is_empty() {
                return Ok(Some(stored.clone()));
            }
            Ok(Some(rows.update(tx, key, &set).await?))
        }
    }
}

/// A new row. Columns with a default may be left out.
fn complete(synced: &Synced, key: &Image, wanted: &State) -> Result<Image, ServiceError> {
    let mut row = key.clone();
    for column in synced
        .info()
        .columns
        .iter()
        .filter(|c| !c.is_filled() && !c.is_key)
    {
        match wanted.value(column.name) {
            Json::Null if column.nullable || column.has_default => {}
            Json::Null => {
                return Err(ServiceError::bad_input(format!(
                    "`{}` is missing",
                    column.field
                )));
            }
            value => {
                row.insert(column.name.to_owned(), value.clone());
            }
        }
    }
    Ok(row)
}

/// The columns that are to be set.
fn differing(synced: &Synced, stored: &Image, wanted: &State) -> Result<Image, ServiceError> {
    let mut set = Image::new();
    for (name, value) in &wanted.row {
        if stored.get(name).unwrap_or(&Json::Null) == value {
            continue;
        }
        match synced.info().by_name(name) {
            Some(column) if column.is_filled() => {}
            Some(column) if column.is_key => {
                let message = "a key cannot change: insert a new row and delete the old one";
                return Err(ServiceError::bad_input(message));
            }
            Some(column) if value.is_null() && !column.nullable => {
                let message = format!("`{}` cannot be null", column.field);
                return Err(ServiceError::bad_input(message));
            }
            Some(_) => {
                set.insert(name.clone(), value.clone());
            }
            None => {
                let message = format!("`{name}` is not a column");
                return Err(ServiceError::bad_input(message));
            }
        }
    }
    Ok(set)
}
