//! Putting an edit that was not taken into the conflict inbox.
//!
//! Guarantees one entry for each edit of each actor, however often it is sent; one that was decided and comes
//! again waits again, as nobody can tell it from a new edit. What is too large for the inbox is there with the
//! beginnings of its long values.

use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use seachange_changelog::TrackedTransaction;
use seachange_changelog::sync::conflict::{ActiveModel, Column, Entity, Status};
use serde_json::Value as Json;

use super::document::Document;
use super::pushed::Pushed;
use super::synced::Synced;
use crate::service::error::ServiceError;
use crate::service::unreadable::shortened;

/// How much of an edit goes into the inbox: the first that the database takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// All of what was sent, and the beginnings of the row's long values, which the table has.
    Sent,
    /// The beginnings of all long values.
    Short,
}

impl Extent {
    /// The next to try, where the database has found this one too large.
    pub(super) fn less(self) -> Option<Self> {
        match self {
            Self::Whole => Some(Self::Sent),
            Self::Sent => Some(Self::Short),
            Self::Short => None,
        }
    }
}

/// Files the edit; its id in the inbox.
pub(super) async fn file(
    tx: &TrackedTransaction,
    synced: &Synced,
    pushed: &Pushed,
    server: Option<&Document>,
    (status, reason): (Status, String),
    (actor, extent): (Option<&str>, Extent),
) -> Result<String, ServiceError> {
    let text = |json: &Json, is_whole: bool| match is_whole {
        true => json.to_string(),
        false => shortened(json).to_string(),
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
