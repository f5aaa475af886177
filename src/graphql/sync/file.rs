//! Putting an edit that was not taken into the conflict inbox.
//!
//! Guarantees one entry for each edit of each actor, however often it is sent; one that was decided and comes
//! again waits again, as nobody can tell it from a new edit.

use chrono::Utc;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};
use seachange_changelog::TrackedTransaction;
use seachange_changelog::sync::conflict::{ActiveModel, Column, Entity, Status};
use serde_json::Value as Json;

use super::Synced;
use super::document::Document;
use super::pushed::Pushed;

/// Files the edit; its id in the inbox.
pub(super) async fn file(
    tx: &TrackedTransaction,
    synced: &Synced,
    pushed: &Pushed,
    server: Option<&Document>,
    (status, reason): (Status, String),
    actor: Option<&str>,
) -> Result<String, DbErr> {
    let text = |json: Json| json.to_string();
    let server = server.map(|server| text(server.to_json(synced)));
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
        row_key: Set(text(Json::Object(pushed.key.clone()))),
        resolved_at: Set((status == Status::Resolved).then(Utc::now)),
        status: Set(status),
        reason: Set(reason),
        assumed: Set(pushed.assumed.clone().map(text)),
        server: Set(server),
        client: Set(text(pushed.client.clone())),
        actor: Set(actor.map(str::to_owned)),
        mutation_id: Set(pushed.mutation_id.clone()),
        ..Default::default()
    };
    conflict.insert(tx).await?;
    Ok(id)
}
