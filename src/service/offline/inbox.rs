//! The conflict inbox: edits of offline clients that were not taken as they were sent.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use seachange_changelog::Image;
use seachange_changelog::internal;
use seachange_changelog::sync_tables::conflict::{Column, Entity, Model, Status};
use serde_json::Value as Json;

use super::document::Document;
use super::pushed::can_hold;
use super::synced::SyncedByTable;
use crate::service::budget::Cost;
use crate::service::call::Call;
use crate::service::error::ServiceError;

/// Some conflicts, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxPage {
    /// In an undecided conflict `server` is the row as it is now; in a decided one it is the row as it was
    /// then.
    pub conflicts: Vec<Model>,
    /// Whether there are more after these.
    pub has_more: bool,
}

/// Which conflicts are wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InboxFilter {
    /// Only those of this table.
    pub entity: Option<String>,
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those after the one with this id.
    pub after: Option<String>,
}

/// Up to `first` conflicts.
///
/// # Errors
/// The database's error, and `LIMIT_EXCEEDED`.
pub(crate) async fn conflicts(
    call: Call<'_>,
    entities: &SyncedByTable,
    wanted: InboxFilter,
    first: u64,
) -> Result<InboxPage, ServiceError> {
    let mut select = Entity::find().order_by_asc(Column::Id);
    if let Some(entity) = wanted.entity {
        select = select.filter(Column::Entity.eq(entity));
    }
    if let Some(status) = wanted.status {
        select = select.filter(Column::Status.eq(status));
    }
    if let Some(after) = wanted.after {
        select = select.filter(Column::Id.gt(after));
    }
    let db = call.db.reader();
    let mut found = select.limit(first.saturating_add(1)).all(db).await?;
    call.budget.charge(Cost::of(&found))?;
    let has_more = found.len() as u64 > first;
    if has_more {
        found.pop();
    }
    let mut rows = HashMap::new();
    for conflict in found
        .iter_mut()
        .filter(|one| one.status != Status::Resolved)
    {
        let name = (conflict.entity.clone(), conflict.row_key.clone());
        let now = match rows.get(&name) {
            Some(now) => now,
            None => {
                let now = row_now(db, entities, conflict).await?;
                rows.entry(name).or_insert(now)
            }
        };
        if let Some(now) = now {
            conflict.server.clone_from(now);
        }
    }
    Ok(InboxPage {
        conflicts: found,
        has_more,
    })
}

/// The current row of a conflict, as the text of its document. `None` if it cannot be read, or if it is deleted
/// and the conflict has that already.
async fn row_now(
    db: &DatabaseConnection,
    entities: &SyncedByTable,
    conflict: &Model,
) -> Result<Option<Option<String>>, ServiceError> {
    let Some(synced) = entities.get(conflict.entity.as_str()) else {
        return Ok(None);
    };
    let Ok(key) = serde_json::from_str::<Image>(&conflict.row_key) else {
        return Ok(None);
    };
    let table = &synced.registered.table;
    let facts = internal::of(db).facts();
    if table.check_key(&key, db.get_database_backend()).is_err()
        || !key.values().all(|part| can_hold(facts, part))
    {
        return Ok(None);
    }
    Ok(match table.find(db, &key).await? {
        Some(image) => {
            let document = Document::present(image).to_json(synced);
            Some(Some(document.to_string()))
        }
        None => {
            let recorded = conflict.server.as_deref().map(serde_json::from_str::<Json>);
            match recorded {
                Some(Ok(mut document)) if document["_deleted"] == false => {
                    document["_deleted"] = true.into();
                    Some(Some(document.to_string()))
                }
                _ => None,
            }
        }
    })
}
