//! The conflict inbox: `syncConflicts` as a query and as a subscription.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SubscriptionField,
    TypeRef,
};
use async_graphql::{Name, Value as GraphqlValue};
use sea_orm::{
    ActiveEnum, ColumnTrait, DatabaseConnection, EntityTrait, Iterable, QueryFilter, QueryOrder,
    QuerySelect,
};
use seachange_changelog::sync::conflict::{Column, Entity, Model, Status};
use seachange_changelog::{Image, image};
use serde_json::Value as Json;

use super::document::Document;
use super::resolve::ByTable;
use crate::feed::{Change, Selection};
use crate::graphql::budget::{Budget, Cost};
use crate::graphql::builder::Builder;
use crate::graphql::change;
use crate::graphql::error::Refusal;
use crate::graphql::live::{Begin, Plan, Role, Watch};
use crate::graphql::scalar::json_value;

/// The table, as the log names it.
const TABLE: &str = "sync_conflict";

/// A conflict, as its image has it.
#[derive(Clone, Debug)]
pub(in crate::graphql) struct Conflict(Image);

impl Conflict {
    pub(super) fn of(model: &Model) -> Result<Self, Refusal> {
        Ok(Self(image::image_of(model)?))
    }

    /// What a change of the inbox tells to those who watch it, perhaps for one entity only.
    pub(in crate::graphql) fn told(change: &Change, entity: Option<&str>) -> Option<Self> {
        let image = change.row.after.as_ref()?.as_object()?;
        let of = image.get("entity").and_then(Json::as_str);
        let is_wanted = change.row.entity == TABLE && (entity.is_none() || of == entity);
        is_wanted.then(|| Self(image.clone()))
    }

    /// What of the log tells of conflicts.
    pub(in crate::graphql) fn selection() -> Selection {
        Selection {
            entities: Some(vec![TABLE.to_owned()]),
            ..Selection::default()
        }
    }
}

struct Page {
    conflicts: Vec<Conflict>,
    has_more: bool,
}

fn status_name(stored: &str) -> String {
    stored.to_uppercase()
}

/// `syncConflicts(entity, status, first, after)`.
pub(super) fn query(entities: &ByTable) -> Field {
    let entities = Arc::clone(entities);
    Field::new(
        "syncConflicts",
        TypeRef::named_nn("SyncConflictPage"),
        move |ctx| {
            let entities = Arc::clone(&entities);
            FieldFuture::new(async move {
                Ok(Some(FieldValue::owned_any(page(&ctx, &entities).await?)))
            })
        },
    )
    .description(
        "Edits of offline clients that were not taken as they were sent, the oldest first. `server` is the \
         row as it is; of what has been decided, as it was then.",
    )
    .argument(InputValue::new("entity", TypeRef::named(TypeRef::STRING)))
    .argument(InputValue::new(
        "status",
        TypeRef::named("SyncConflictStatus"),
    ))
    .argument(change::first_argument())
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
}

async fn page(ctx: &ResolverContext<'_>, entities: &ByTable) -> Result<Page, Refusal> {
    let first = change::first(ctx)?;
    let mut select = Entity::find().order_by_asc(Column::Id);
    if let Some(entity) = change::text(ctx, "entity")? {
        select = select.filter(Column::Entity.eq(entity));
    }
    let status = ctx.args.get("status").filter(|status| !status.is_null());
    if let Some(status) = status {
        let name = status.enum_name();
        let name = name.map_err(|_| Refusal::bad_input("`status` is a SyncConflictStatus"))?;
        let mut all = Status::iter();
        let found = all.find(|status| status_name(&status.to_value()) == name);
        let found = found.ok_or_else(|| Refusal::bad_input("`status` is a SyncConflictStatus"))?;
        select = select.filter(Column::Status.eq(found));
    }
    if let Some(after) = change::text(ctx, "after")? {
        select = select.filter(Column::Id.gt(after));
    }
    let db = ctx.data::<DatabaseConnection>();
    let db = db.map_err(|error| Refusal::internal(&error.message))?;
    let mut found = select.limit(first.saturating_add(1)).all(db).await?;
    Budget::of(ctx)?.charge(Cost::of(&found))?;
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
    let conflicts = found.iter().map(Conflict::of).collect::<Result<_, _>>()?;
    Ok(Page {
        conflicts,
        has_more,
    })
}

/// The row of a conflict as it is, as a document's text if it is there; `None` where that cannot be told, or
/// it is gone and the conflict knows so.
async fn row_now(
    db: &DatabaseConnection,
    entities: &ByTable,
    conflict: &Model,
) -> Result<Option<Option<String>>, Refusal> {
    let Some(synced) = entities.get(conflict.entity.as_str()) else {
        return Ok(None);
    };
    let Ok(key) = serde_json::from_str::<Image>(&conflict.row_key) else {
        return Ok(None);
    };
    let table = &synced.registered.table;
    if table.check_key(&key).is_err() {
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

/// `syncConflicts(entity)`.
pub(super) fn subscription() -> SubscriptionField {
    SubscriptionField::new("syncConflicts", TypeRef::named_nn("SyncConflict"), |ctx| {
        Role::answer(&ctx, |ctx| {
            Ok(Plan {
                begin: Begin::of_socket(ctx)?,
                watch: Watch::Conflicts(change::text(ctx, "entity")?),
            })
        })
    })
    .description("Conflicts as they are found and resolved.")
    .argument(InputValue::new("entity", TypeRef::named(TypeRef::STRING)))
}

/// The types of the inbox.
pub(super) fn add_types(builder: &mut Builder) {
    let statuses = Status::iter().fold(Enum::new("SyncConflictStatus"), |items, status| {
        items.item(status_name(&status.to_value()))
    });
    builder.register(statuses);
    builder.register(super::resolve::choices());
    builder.register(object());
    builder.register(page_object());
}

fn object() -> Object {
    let text = |image: &Image, name: &str| Some(json_value(image.get(name)?.clone()));
    let read = |image: &Image, name: &str| {
        let text = image.get(name)?.as_str()?;
        serde_json::from_str(text).ok().map(json_value)
    };
    let string = || TypeRef::named_nn(TypeRef::STRING);
    let json = || TypeRef::named("Json");
    Object::new("SyncConflict")
        .description("An edit of an offline client that was not taken as it was sent.")
        .field(field("id", string(), move |image| text(image, "id")))
        .field(field("entity", string(), move |image| {
            text(image, "entity")
        }))
        .field(field("key", TypeRef::named_nn("Json"), move |image| {
            read(image, "row_key")
        }))
        .field(field(
            "status",
            TypeRef::named_nn("SyncConflictStatus"),
            |image| {
                let name = status_name(image.get("status")?.as_str()?);
                Some(GraphqlValue::Enum(Name::new(name)))
            },
        ))
        .field(field("reason", string(), move |image| {
            text(image, "reason")
        }))
        .field(field("assumed", json(), move |image| {
            read(image, "assumed")
        }))
        .field(field("server", json(), move |image| read(image, "server")))
        .field(field("client", json(), move |image| read(image, "client")))
        .field(field(
            "actor",
            TypeRef::named(TypeRef::STRING),
            move |image| text(image, "actor"),
        ))
        .field(field("recordedAt", string(), move |image| {
            text(image, "recorded_at")
        }))
        .field(field(
            "resolvedAt",
            TypeRef::named(TypeRef::STRING),
            move |image| text(image, "resolved_at"),
        ))
}

fn field(
    name: &str,
    ty: TypeRef,
    read: impl Fn(&Image) -> Option<GraphqlValue> + Send + Sync + 'static,
) -> Field {
    Field::new(name, ty, move |ctx| {
        let conflict = ctx.parent_value.try_downcast_ref::<Conflict>();
        FieldFuture::from_value(conflict.ok().and_then(|conflict| read(&conflict.0)))
    })
}

fn page_object() -> Object {
    let nodes = TypeRef::named_nn_list_nn("SyncConflict");
    Object::new("SyncConflictPage")
        .field(Field::new("nodes", nodes, |ctx| {
            FieldFuture::new(async move {
                let page = ctx.parent_value.try_downcast_ref::<Page>()?;
                let nodes = page.conflicts.iter();
                let nodes = nodes.map(|conflict| FieldValue::borrowed_any(conflict));
                Ok(Some(FieldValue::list(nodes)))
            })
        }))
        .field(Field::new(
            "endCursor",
            TypeRef::named(TypeRef::STRING),
            |ctx| {
                let page = ctx.parent_value.try_downcast_ref::<Page>().ok();
                let last = page.and_then(|page| page.conflicts.last());
                FieldFuture::from_value(
                    last.and_then(|last| Some(json_value(last.0.get("id")?.clone()))),
                )
            },
        ))
        .field(Field::new(
            "hasNextPage",
            TypeRef::named_nn(TypeRef::BOOLEAN),
            |ctx| {
                let page = ctx.parent_value.try_downcast_ref::<Page>().ok();
                FieldFuture::from_value(page.map(|page| page.has_more.into()))
            },
        ))
}
