//! `TaskRecord` and `TaskChange`: a row as it was, typed.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, Field, FieldFuture, Object, TypeRef};
use sea_orm::sea_query::ArrayType;
use seachange_changelog::Image;
use seachange_changelog::internal::is_redacted;
use serde_json::Value as Json;

use super::object_of::ObjectOf;
use super::scalar::shown;
use crate::feed::Cursor;
use crate::service::entity::{ColumnInfo, EntityInfo};

/// The kinds of item in `taskChanges`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordChangeKind {
    Initial,
    Insert,
    Update,
    Delete,
    CaughtUp,
}

impl RecordChangeKind {
    const ALL: [Self; 5] = [
        Self::Initial,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::CaughtUp,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Initial => "INITIAL",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::CaughtUp => "CAUGHT_UP",
        }
    }
}

/// One item of `taskChanges`.
#[derive(Clone, Debug)]
pub(super) struct RecordChange {
    pub(super) kind: RecordChangeKind,
    pub(super) cursor: String,
    pub(super) key: Option<Image>,
    pub(super) record: Option<Image>,
    pub(super) previous: Option<Image>,
    pub(super) changed_fields: Vec<String>,
    pub(super) actor: Option<String>,
    pub(super) transaction_id: Option<String>,
    pub(super) recorded_at: Option<String>,
}

impl RecordChange {
    /// A row that existed when the subscription began.
    pub(super) fn initial(key: Image, image: Image, at: &Cursor) -> Self {
        Self {
            key: Some(key),
            record: Some(image),
            ..Self::bare(RecordChangeKind::Initial, at)
        }
    }

    /// Marks that everything there was at the start has been sent.
    pub(super) fn caught_up(at: &Cursor) -> Self {
        Self::bare(RecordChangeKind::CaughtUp, at)
    }

    fn bare(kind: RecordChangeKind, at: &Cursor) -> Self {
        Self {
            kind,
            cursor: at.to_string(),
            key: None,
            record: None,
            previous: None,
            changed_fields: Vec::new(),
            actor: None,
            transaction_id: None,
            recorded_at: None,
        }
    }
}

pub(super) fn kind_enum() -> Enum {
    RecordChangeKind::ALL
        .iter()
        .fold(Enum::new("RecordChangeKind"), |items, kind| {
            items.item(kind.name())
        })
}

pub(super) fn record_name(entity: &EntityInfo) -> String {
    format!("{}Record", entity.object)
}

pub(super) fn change_name(entity: &EntityInfo) -> String {
    format!("{}Change", entity.object)
}

/// `TaskRecord`: the columns. Those that are not part of the key are nullable, because an old image
/// may lack them.
pub(super) fn record_object(entity: &Arc<EntityInfo>) -> Object {
    let object = Object::new(record_name(entity));
    entity.columns.iter().fold(object, |object, column| {
        let ty = match column.type_ref() {
            ty if column.is_key => TypeRef::NonNull(Box::new(ty)),
            ty => ty,
        };
        let info = column.clone();
        object.field(Field::new(&column.field, ty, move |ctx| {
            let image = ctx.parent_value.try_downcast_ref::<Image>().ok();
            let json = image.and_then(|image| image.get(info.name)).cloned();
            let json = json.filter(|json| !is_kept_out(&info, json));
            FieldFuture::from_value(json.and_then(|json| shown(&ctx, &info, json)))
        }))
    })
}

/// Whether the log keeps the value out, now or when the change was recorded. A text may happen to
/// equal the placeholder.
fn is_kept_out(column: &ColumnInfo, json: &Json) -> bool {
    column.is_hidden || column.rust != ArrayType::String && is_redacted(json)
}

/// `TaskChange`.
pub(super) fn change_object(entity: &EntityInfo) -> Object {
    let record = || TypeRef::named(record_name(entity));
    ObjectOf::<RecordChange>::new(change_name(entity))
        .item("kind", "RecordChangeKind", |change| {
            Some(change.kind.name())
        })
        .text("cursor", |change| change.cursor.clone())
        .json_or_null("key", |change| change.key.clone().map(Json::Object))
        .part("record", record(), |change| change.record.as_ref())
        .part("previous", record(), |change| change.previous.as_ref())
        .texts("changedFields", |change| change.changed_fields.clone())
        .text_or_null("actor", |change| change.actor.clone())
        .text_or_null("transactionId", |change| change.transaction_id.clone())
        .text_or_null("recordedAt", |change| change.recorded_at.clone())
        .finish()
}
