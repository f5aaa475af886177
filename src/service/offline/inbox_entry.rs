//! Puts an edit that was not taken into the conflict inbox.
//!
//! Guarantees one entry for each edit of each actor, however often it is sent. An edit that was decided and is
//! sent again becomes open again, because it cannot be distinguished from a new edit. An edit that is too large
//! for the inbox is filed with only the beginnings of its long values.

use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use seachange_changelog::TrackedTransaction;
use seachange_changelog::sync_tables::conflict::{ActiveModel, Column, Entity, Status};
use serde_json::Value as Json;

use super::document::Document;
use super::pushed::Pushed;
use super::synced::Synced;
use crate::service::error::ServiceError;
use crate::service::unreadable::shortened;

/// How much of an edit goes into the inbox. The first extent that the database takes is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Everything that was sent, and the beginnings of the server's long values, which the table has in full.
    Sent,
    /// Only the beginnings of all long values.
    Short,
}

impl Extent {
    /// The next extent to try, if the database finds this one too large.
    pub(super) fn less(self) -> Option<Self> {
        match self {
            Self::Whole => Some(Self::Sent),
            Self::Sent => Some(Self::Short),
            Self::Short => None,
        }
    }
}

/// Files the edit and returns its id in the inbox.
pub(super) async fn file_in_inbox(
    tx: &TrackedTransaction,
    synced: &Synced,
    pushed: &Pushed,
    server: Option<&Document>,
    (status, reason): (Status, String),
    (actor, extent): (Option<&str>, Extent),
) -> Result<String, ServiceError> {
    let text = |json: &Json, is_whole: bool| {
        if is_whole {
            json.to_string()
        } else {
            shortened(json).to_string()
        }
    };
    let server = server.map(|server| text(&server.to_json(synced), extent == Extent::Whole));
    let sent = |json: &Json| text(json, extent != Extent::Short);
    let filed = Entity::find().filter(Column::MutationId.eq(&pushed.mutation_id));
    if let Some(filed) = filed.one(tx).await? {
        let id = filed.id.clone();
        if status != Status::Resolved && filed.status != status {
            let mut filed = filed.into_active_model();
            filed.status = Set(status);
            filed.reason = Set(reason);
            filed.server = Set(server);
            filed.resolved_at = Set(None);
            filed.update(tx).await?;
        }
        return Ok(id);
    }
    let id = uuid::Uuid::now_v7().to_string();
    let conflict = ActiveModel {
        id: Set(id.clone()),
        entity: Set(synced.info().table.to_owned()),
        row_key: Set(Json::Object(pushed.key.clone()).to_string()),
        resolved_at: Set((status == Status::Resolved).then(Utc::now)),
        status: Set(status),
        reason: Set(reason),
        assumed: Set(pushed.assumed.as_ref().map(sent)),
        server: Set(server),
        client: Set(sent(&pushed.client)),
        actor: Set(actor.map(str::to_owned)),
        mutation_id: Set(pushed.mutation_id.clone()),
        ..Default::default()
    };
    conflict.insert(tx).await?;
    Ok(id)
}
