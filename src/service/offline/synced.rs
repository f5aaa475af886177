//! An entity that offline clients sync: which parts of its rows they have, and which they may edit.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::ColumnType;
use seachange_changelog::Image;
use serde_json::Value as Json;

use crate::feed::Selection;
use crate::service::entity::{ColumnInfo, EntityInfo};
use crate::service::registered::Registered;
use crate::sync::Policy;

/// An entity registered for sync.
pub(crate) struct Synced {
    pub(crate) registered: Registered,
    pub(crate) policy: Policy,
}

/// The synced entities of an application, by table.
pub(crate) type SyncedByTable = Arc<HashMap<&'static str, Arc<Synced>>>;

impl Synced {
    /// An entity and its policy.
    ///
    /// # Errors
    /// The column that the policy names but clients cannot write.
    pub(crate) fn new(registered: Registered, policy: Policy) -> Result<Self, &'static str> {
        let synced = Self { registered, policy };
        for name in synced.policy.columns() {
            let mut columns = synced.columns().filter(|column| !column.is_filled());
            if !columns.any(|column| column.name == name) {
                return Err(name);
            }
        }
        Ok(synced)
    }

    pub(crate) fn info(&self) -> &Arc<EntityInfo> {
        &self.registered.info
    }

    /// The columns that documents have: those whose values the log keeps.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &ColumnInfo> {
        let columns = self.registered.info.columns.iter();
        columns.filter(|column| !column.is_hidden)
    }

    pub(crate) fn column(&self, field: &str) -> Option<&ColumnInfo> {
        self.columns().find(|column| column.field == field)
    }

    /// Whether clients also have the key's columns as one text, `id`.
    pub(crate) fn has_joined_key(&self) -> bool {
        self.info().key().count() > 1 && self.info().by_field("id").is_none()
    }

    /// The changes of the log that concern it.
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            entities: Some(vec![self.info().table.to_owned()]),
            ..Selection::default()
        }
    }

    /// The columns of an image that clients may edit, and its key.
    pub(crate) fn edited(&self, image: &Image) -> Image {
        let columns = self.columns().filter(|column| !column.is_filled());
        let values = columns.filter_map(|column| {
            let value = image.get(column.name)?;
            Some((column.name.to_owned(), value.clone()))
        });
        values.collect()
    }

    pub(crate) fn key_of(&self, image: &Image) -> Image {
        let columns = self.info().key();
        let values = columns.map(|column| {
            let value = image.get(column.name).cloned().unwrap_or(Json::Null);
            (column.name.to_owned(), value)
        });
        values.collect()
    }
}

/// Whether images write the column's integers as text.
pub(crate) fn is_wide(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::BigInteger | ColumnType::BigUnsigned)
}
