//! Completes documents for which the log has less than the table.
//!
//! A change that was recorded before a column was added, or while it had another type, yields a document
//! without that column. If the row has no later change, the column is read from the table. A row that has been
//! deleted meanwhile is left as it is, because its tombstone is on its way.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use seachange_changelog::Image;
use seachange_changelog::internal::image::text_of;
use seachange_changelog::internal::reader::last_of;
use serde_json::Value as Json;

use super::document::Document;
use super::synced::Synced;
use crate::service::table::KeyedRow;
use crate::sync::{Edit, State};

impl Document {
    /// Whether the table may have more than the document.
    pub(crate) fn is_partial(&self, synced: &Synced) -> bool {
        !self.is_deleted && !synced.info().has_todays_shape(&self.row)
    }
}

/// Completes those of the documents that are partial.
///
/// # Errors
/// The database's error.
pub(crate) async fn complete(
    synced: &Synced,
    db: &DatabaseConnection,
    documents: impl IntoIterator<Item = &mut Document>,
) -> Result<(), DbErr> {
    let documents = documents.into_iter();
    let mut partial: Vec<&mut Document> = documents
        .filter(|document| document.is_partial(synced))
        .collect();
    if partial.is_empty() {
        return Ok(());
    }
    let key = |document: &Document| {
        let key = synced.key_of(&document.row);
        synced.info().restated(&key).unwrap_or(key)
    };
    let keys: Vec<Image> = partial.iter().map(|document| key(document)).collect();
    let mut rows = HashMap::with_capacity(keys.len());
    for KeyedRow { key, image } in synced.registered.table.among(db, &keys).await? {
        rows.insert(text_of(&key), image);
    }
    for (document, key) in partial.iter_mut().zip(&keys) {
        match rows.get(&text_of(key)) {
            Some(row) => document.row.clone_from(row),
            // The values get today's form at least.
            None => document
                .row
                .extend(synced.info().restated(&document.row).unwrap_or_default()),
        }
    }
    Ok(())
}

/// Adds the table's values to the edit for columns that its client has never received. They were added after
/// the row's last change, so the client has null for them, and that null is not an edit.
///
/// Reads the log only if an edit seems to start from nulls where the stored row has values.
///
/// # Errors
/// The database's error.
pub(super) async fn with_unreceived_columns<C: ConnectionTrait>(
    synced: &Synced,
    db: &C,
    key: &Image,
    stored: Option<&Image>,
    mut edit: Edit,
) -> Result<Edit, DbErr> {
    let (Some(stored), Some(assumed)) = (stored, &mut edit.assumed) else {
        return Ok(edit);
    };
    if assumed.is_deleted {
        return Ok(edit);
    }
    let untold = |assumed: &State, name: &str| {
        assumed.row.contains_key(name)
            && assumed.value(name).is_null()
            && stored.get(name).is_some_and(|stored| !stored.is_null())
    };
    let columns = synced
        .columns()
        .filter(|column| untold(assumed, column.name));
    let mut columns: Vec<&str> = columns.map(|column| column.name).collect();
    if columns.is_empty() {
        return Ok(edit);
    }
    let last = last_of(db, synced.info().table, std::slice::from_ref(key))
        .await?
        .remove(&0)
        .and_then(|change| change.after);
    let Some(last) = last.as_ref().and_then(Json::as_object) else {
        return Ok(edit);
    };
    columns.retain(|name| !last.contains_key(*name));
    for name in columns {
        let stored = stored.get(name).cloned().unwrap_or_default();
        if edit.client.row.get(name).is_some_and(Json::is_null) {
            edit.client.row.insert(name.to_owned(), stored.clone());
        }
        assumed.row.insert(name.to_owned(), stored);
    }
    Ok(edit)
}
