//! Putting an edit that was not taken into the conflict inbox.

use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use seachange_changelog::TrackedTransaction;
use seachange_changelog::sync::conflict::{ActiveModel, Column, Entity, Status};
use serde_json::Value as Json;

use super::Synced;
use super::document::Document;
use super::pushed::Pushed;

/// Files the edit, once however often it is sent; its id in the inbox.
pub(super) async fn file(
    tx: &TrackedTransaction,
    synced: &Synced,
    pushed: &Pushed,
    server: Option<&Document>,
    (status, reason): (Status, String),
    actor: Option<&str>,
) -> Result<String, DbErr> {
    let filed = Entity::find().filter(Column::MutationId.eq(&pushed.mutation_id));
    if let Some(filed) = filed.one(tx).await? {
        return Ok(filed.id);
    }
    let text = |json: Json| json.to_string();
    let id = uuid::Uuid::now_v7().to_string();
    let conflict = ActiveModel {
        id: Set(id.clone()),
        entity: Set(synced.info().table.to_owned()),
        row_key: Set(text(Json::Object(pushed.key.clone()))),
        resolved_at: Set((status == Status::Resolved).then(Utc::now)),
        status: Set(status),
        reason: Set(reason),
        assumed: Set(pushed.assumed.clone().map(text)),
        server: Set(server.map(|server| text(server.to_json(synced)))),
        client: Set(text(pushed.client.clone())),
        actor: Set(actor.map(str::to_owned)),
        mutation_id: Set(pushed.mutation_id.clone()),
        ..Default::default()
    };
    conflict.insert(tx).await?;
    Ok(id)
}
