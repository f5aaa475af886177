//! Sync with offline clients: `pullTask`, `pushTask` and `streamTask` for each entity registered for
//! it, and the conflict inbox.
//!
//! The fields are those that RxDB's GraphQL replication asks for, and a plain contract for any other
//! client. Guarantees: a pull from the last checkpoint on has every row that has changed since, in its
//! latest state; a pushed edit is stored, or its row comes back in the answer and the edit is in the
//! inbox; one bad row does not hold up the others. Knows no client library by name but in comments.

mod accept;
mod ahead;
mod bulk;
mod complete;
mod document;
mod file;
mod inbox;
mod known;
mod pull;
mod push;
mod pushed;
mod rejections;
mod resolve;
mod store;
mod stream;
mod types;

use std::sync::Arc;

use async_graphql::dynamic::SchemaError;
use sea_orm::ColumnType;
use seachange_changelog::Image;
use serde_json::Value as Json;

use super::builder::Builder;
use super::entity::{ColumnInfo, EntityInfo};
use super::registered::{ByTable, Registered};
use crate::sync::Policy;
pub(super) use bulk::Bulk;
pub(super) use inbox::Conflict;
pub(super) use rejections::Rejections;

/// Separates the parts of a composite key where clients have it as one text; RxDB's word for it is
/// `separator`.
const KEY_SEPARATOR: &str = "|";

/// An entity registered for sync.
pub(super) struct Synced {
    registered: Registered,
    policy: Policy,
}

impl Synced {
    fn info(&self) -> &Arc<EntityInfo> {
        &self.registered.info
    }

    /// The columns that documents have: those whose values the log keeps.
    fn columns(&self) -> impl Iterator<Item = &ColumnInfo> {
        let columns = self.registered.info.columns.iter();
        columns.filter(|column| !column.is_hidden)
    }

    fn column(&self, field: &str) -> Option<&ColumnInfo> {
        self.columns().find(|column| column.field == field)
    }

    /// Whether clients have the key's columns also as one text, `id`.
    fn has_joined_key(&self) -> bool {
        self.info().key().count() > 1 && self.info().by_field("id").is_none()
    }

    /// What of an image clients may edit, and its key.
    fn edited(&self, image: &Image) -> Image {
        let columns = self.columns().filter(|column| !column.is_filled());
        let values = columns.filter_map(|column| {
            let value = image.get(column.name)?;
            Some((column.name.to_owned(), value.clone()))
        });
        values.collect()
    }

    fn key_of(&self, image: &Image) -> Image {
        let columns = self.info().key();
        let values = columns.map(|column| {
            let value = image.get(column.name).cloned().unwrap_or(Json::Null);
            (column.name.to_owned(), value)
        });
        values.collect()
    }
}

/// Whether images write the column's integers as text.
fn is_wide(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::BigInteger | ColumnType::BigUnsigned)
}

/// Adds the fields and types of sync for these entities.
///
/// # Errors
/// [`SchemaError`] if an entity is not registered, or a policy names a column that clients do not have.
pub(super) fn add(
    builder: &mut Builder,
    policies: &[(&'static str, Policy)],
    by_table: &ByTable,
) -> Result<(), SchemaError> {
    let mut all = Vec::with_capacity(policies.len());
    for (table, policy) in policies {
        let Some(registered) = by_table.get(table).cloned() else {
            return Err(SchemaError(format!(
                "`{table}` is registered for sync, but not as an entity"
            )));
        };
        let policy = policy.clone();
        let synced = Arc::new(Synced { registered, policy });
        for name in synced.policy.columns() {
            let mut columns = synced.columns().filter(|column| !column.is_filled());
            if !columns.any(|column| column.name == name) {
                return Err(SchemaError(format!(
                    "the policy of `{table}` names `{name}`, which clients do not write"
                )));
            }
        }
        builder.begin(format!("the sync of table `{table}`"));
        types::add(builder, &synced);
        builder.queries.push(pull::field(&synced));
        builder.mutations.push(push::field(&synced));
        builder.subscriptions.push(stream::field(&synced));
        all.push(synced);
    }
    if !all.is_empty() {
        builder.begin("sync");
        inbox::add_types(builder);
        let by_table = all.iter().map(|of| (of.info().table, Arc::clone(of)));
        let by_table: resolve::ByTable = Arc::new(by_table.collect());
        builder.queries.push(inbox::query(&by_table));
        builder.mutations.push(resolve::field(&by_table));
        builder.subscriptions.push(inbox::subscription());
    }
    Ok(())
}
