//! The conflict inbox: `syncConflicts` as a query and as a subscription.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SubscriptionField,
    TypeRef,
};
use async_graphql::{Name, Value as GraphqlValue};
use sea_orm::{ActiveEnum, Iterable};
use seachange_changelog::sync_tables::conflict::{Model, Status};
use seachange_changelog::{Image, image};
use serde_json::Value as Json;

use super::stream::since_accepted;
use crate::feed::{Change, Epoch, Selection};
use crate::graphql::builder::Builder;
use crate::graphql::context::call;
use crate::graphql::error::Refusal;
use crate::graphql::live::{Item, Plan, Role, Watched};
use crate::graphql::parameters;
use crate::graphql::scalar::json_value;
use crate::service::offline::inbox::{InboxFilter, conflicts};
use crate::service::offline::synced::SyncedByTable;

/// The table, as the log names it.
const TABLE: &str = "sync_conflict";

/// A conflict, as its image has it.
#[derive(Clone, Debug)]
pub(super) struct Conflict(Image);

impl Conflict {
    pub(super) fn of(model: &Model) -> Result<Self, Refusal> {
        Ok(Self(image::image_of(model)?))
    }
}

/// The conflict inbox for one entity or for all.
struct Conflicts(Option<String>);

impl Watched for Conflicts {
    fn selection(&self) -> Selection {
        Selection {
            entities: Some(vec![TABLE.to_owned()]),
            ..Selection::default()
        }
    }

    fn item(&self, _: &Epoch, parcel: &[Arc<Change>]) -> Option<Item> {
        let row = &parcel.last()?.row;
        let image = row.after.as_ref()?.as_object()?;
        let of = image.get("entity").and_then(Json::as_str);
        let is_wanted = row.entity == TABLE && (self.0.is_none() || of == self.0.as_deref());
        is_wanted.then(|| Item::of(Conflict(image.clone())))
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
pub(super) fn query(entities: &SyncedByTable) -> Field {
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
    .argument(parameters::first_argument())
    .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
}

async fn page(ctx: &ResolverContext<'_>, entities: &SyncedByTable) -> Result<Page, Refusal> {
    let first = parameters::first(ctx)?;
    let wanted = InboxFilter {
        entity: parameters::text(ctx, "entity")?,
        status: status(ctx)?,
        after: parameters::text(ctx, "after")?,
    };
    let page = conflicts(call(ctx)?, entities, wanted, first).await?;
    let conflicts = page.conflicts.iter().map(Conflict::of);
    Ok(Page {
        conflicts: conflicts.collect::<Result<_, _>>()?,
        has_more: page.has_more,
    })
}

/// The argument `status`.
fn status(ctx: &ResolverContext<'_>) -> Result<Option<Status>, Refusal> {
    let Some(status) = ctx.args.get("status").filter(|status| !status.is_null()) else {
        return Ok(None);
    };
    let unknown = || Refusal::bad_input("`status` is a SyncConflictStatus");
    let name = status.enum_name().map_err(|_| unknown())?;
    let mut all = Status::iter();
    let found = all.find(|status| status_name(&status.to_value()) == name);
    found.map(Some).ok_or_else(unknown)
}

/// `syncConflicts(entity)`.
pub(super) fn subscription() -> SubscriptionField {
    SubscriptionField::new("syncConflicts", TypeRef::named_nn("SyncConflict"), |ctx| {
        Role::answer(&ctx, |ctx| {
            let conflicts = Conflicts(parameters::text(ctx, "entity")?);
            Ok(Plan::new(conflicts, since_accepted(ctx)?))
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
