//! The conflict inbox: `syncConflicts` as a query and as a subscription.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SubscriptionField,
    TypeRef,
};
use sea_orm::{ActiveEnum, Iterable};
use seachange_changelog::Image;
use seachange_changelog::internal::image;
use seachange_changelog::sync_tables::conflict::{Model, Status};
use serde_json::Value as Json;

use super::stream::since_accepted;
use crate::feed::{Change, Epoch, Selection};
use crate::graphql::builder::Builder;
use crate::graphql::context::{call, visible};
use crate::graphql::error::Refusal;
use crate::graphql::live::{Item, Plan, Role, Watched};
use crate::graphql::object_of::ObjectOf;
use crate::graphql::parameters;
use crate::graphql::visible::Visible;
use crate::service::offline::inbox::{InboxFilter, conflicts};
use crate::service::offline::synced::SyncedByTable;

/// The table, as the log names it.
const TABLE: &str = "sync_conflict";

/// A conflict, as its image has it.
#[derive(Clone)]
pub(super) struct ConflictNode {
    image: Image,
    visible: Visible,
}

impl ConflictNode {
    pub(super) fn of(model: &Model, visible: &Visible) -> Result<Self, Refusal> {
        Ok(Self {
            image: image::image_of(model)?,
            visible: visible.clone(),
        })
    }

    fn text(&self, column: &str) -> Option<String> {
        Some(self.image.get(column)?.as_str()?.to_owned())
    }

    /// A column in which JSON is stored as text.
    fn json(&self, column: &str) -> Option<Json> {
        serde_json::from_str(self.image.get(column)?.as_str()?).ok()
    }

    /// A column with a state of the row, which may be older than the entity's exposure.
    fn state(&self, column: &str) -> Option<Json> {
        let table = self.text("entity")?;
        Some(self.visible.json(&table, self.json(column)?))
    }
}

/// The conflict inbox for one entity or for all.
struct Conflicts {
    of: Option<String>,
    visible: Visible,
}

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
        let is_wanted = row.entity == TABLE && (self.of.is_none() || of == self.of.as_deref());
        is_wanted.then(|| {
            Item::of(ConflictNode {
                image: image.clone(),
                visible: self.visible.clone(),
            })
        })
    }
}

struct ConflictPage {
    conflicts: Vec<ConflictNode>,
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
    .argument(parameters::text_argument("entity"))
    .argument(InputValue::new(
        "status",
        TypeRef::named("SyncConflictStatus"),
    ))
    .argument(parameters::first_argument())
    .argument(parameters::text_argument("after"))
}

async fn page(
    ctx: &ResolverContext<'_>,
    entities: &SyncedByTable,
) -> Result<ConflictPage, Refusal> {
    let first = parameters::first(ctx)?;
    let wanted = InboxFilter {
        entity: parameters::text(ctx, "entity")?,
        status: status(ctx)?,
        after: parameters::text(ctx, "after")?,
    };
    let page = conflicts(call(ctx)?, entities, wanted, first).await?;
    let visible = visible(ctx)?;
    let conflicts = page.conflicts.iter();
    let conflicts = conflicts.map(|conflict| ConflictNode::of(conflict, visible));
    Ok(ConflictPage {
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
            let conflicts = Conflicts {
                of: parameters::text(ctx, "entity")?,
                visible: visible(ctx)?.clone(),
            };
            Ok(Plan::new(conflicts, since_accepted(ctx)?))
        })
    })
    .description("Conflicts as they are found and resolved.")
    .argument(parameters::text_argument("entity"))
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
    ObjectOf::<ConflictNode>::new("SyncConflict")
        .description("An edit of an offline client that was not taken as it was sent.")
        .text("id", |conflict| conflict.text("id"))
        .text("entity", |conflict| conflict.text("entity"))
        .json("key", |conflict| conflict.json("row_key"))
        .item("status", "SyncConflictStatus", |conflict| {
            conflict.text("status").map(|stored| status_name(&stored))
        })
        .text("reason", |conflict| conflict.text("reason"))
        .json_or_null("assumed", |conflict| conflict.state("assumed"))
        .json_or_null("server", |conflict| conflict.state("server"))
        .json_or_null("client", |conflict| conflict.state("client"))
        .text_or_null("actor", |conflict| conflict.text("actor"))
        .text("recordedAt", |conflict| conflict.text("recorded_at"))
        .text_or_null("resolvedAt", |conflict| conflict.text("resolved_at"))
        .finish()
}

fn page_object() -> Object {
    ObjectOf::<ConflictPage>::new("SyncConflictPage")
        .page("SyncConflict", nodes, end_cursor, |page| page.has_more)
        .finish()
}

fn nodes(page: &ConflictPage) -> Vec<FieldValue<'_>> {
    let nodes = page.conflicts.iter();
    nodes
        .map(|conflict| FieldValue::borrowed_any(conflict))
        .collect()
}

fn end_cursor(page: &ConflictPage) -> Option<String> {
    page.conflicts.last()?.text("id")
}
