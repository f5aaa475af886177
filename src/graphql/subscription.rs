//! The subscriptions: `changes`, and `taskChanges` for each entity. Their resolvers return what is wanted;
//! [`live`](super::live) does the rest.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, ResolverContext, SubscriptionField, TypeRef};
use seachange_changelog::{Image, Operation};

use super::arguments::{self, filter_name};
use super::change::ChangeNode;
use super::context::visible;
use super::error::Refusal;
use super::live::{Begin, Item, Plan, Role, RouteKey, Watched, WatchedRows, pinned};
use super::parameters;
use super::record::{RecordChange, RecordChangeKind, change_name};
use super::visible::Visible;
use crate::feed::{Change, Cursor, Epoch, RowName, Selection};
use crate::service::entity::EntityInfo;
use crate::service::exposure::Action;
use crate::service::filter::Predicate;
use crate::service::table::{KeyedRow, Table};
use crate::service::time::time;

/// `changes(after, entities, operations)`.
pub(super) fn changes() -> SubscriptionField {
    SubscriptionField::new("changes", TypeRef::named_nn("Change"), |ctx| {
        Role::answer(&ctx, |ctx| {
            let begin = parameters::start(ctx)?.map_or(Begin::Now, Begin::From);
            let changes = Changes {
                wanted: parameters::selection(ctx, Action::Live)?,
                visible: visible(ctx)?.clone(),
            };
            Ok(Plan::new(changes, begin))
        })
    })
    .description("Every change, in order, once; from a cursor or from now.")
    .argument(parameters::text_argument("after"))
    .argument(parameters::entities_argument())
    .argument(parameters::operations_argument())
}

/// `taskChanges(after, filters, includeInitial)`.
pub(super) fn records(entity: &Arc<EntityInfo>, table: &Arc<dyn Table>) -> SubscriptionField {
    let (info, rows) = (Arc::clone(entity), Arc::clone(table));
    let name = format!("{}Changes", entity.field);
    SubscriptionField::new(name, TypeRef::named_nn(change_name(entity)), move |ctx| {
        Role::answer(&ctx, |ctx| plan(ctx, &info, &rows))
    })
    .description("The rows that match, as they come, change and go.")
    .argument(parameters::text_argument("after"))
    .argument(InputValue::new(
        "filters",
        TypeRef::named(filter_name(entity)),
    ))
    .argument(
        InputValue::new("includeInitial", TypeRef::named(TypeRef::BOOLEAN)).default_value(false),
    )
}

/// The plan that the arguments of `taskChanges` ask for.
fn plan(
    ctx: &ResolverContext<'_>,
    entity: &Arc<EntityInfo>,
    table: &Arc<dyn Table>,
) -> Result<Plan, Refusal> {
    let predicate = arguments::predicate(ctx, entity, "filters")?;
    if let Some(predicate) = &predicate {
        predicate.check_streamable(entity)?;
    }
    let initial = ctx
        .args
        .get("includeInitial")
        .filter(|value| !value.is_null())
        .is_some_and(|value| value.boolean().unwrap_or(false));
    let begin = match (parameters::start(ctx)?, initial) {
        (Some(_), true) => {
            return Err(Refusal::bad_input(
                "`after` continues, `includeInitial` starts from the beginning: pass one of them",
            ));
        }
        (None, true) => Begin::WithRows,
        (Some(start), false) => Begin::From(start),
        (None, false) => Begin::Now,
    };
    let records = Records {
        entity: Arc::clone(entity),
        table: Arc::clone(table),
        predicate,
    };
    Ok(Plan::new(records, begin))
}

/// Changes in the form that the log has.
struct Changes {
    wanted: Selection,
    visible: Visible,
}

impl Watched for Changes {
    fn selection(&self) -> Selection {
        self.wanted.clone()
    }

    fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item> {
        let change = parcel.last().filter(|change| self.wanted.admits(change))?;
        Some(Item::of(ChangeNode {
            change: self.visible.change(change),
            epoch: epoch.clone(),
        }))
    }
}

/// The rows of one entity that pass a filter.
struct Records {
    entity: Arc<EntityInfo>,
    table: Arc<dyn Table>,
    predicate: Option<Predicate>,
}

impl Watched for Records {
    fn selection(&self) -> Selection {
        Selection {
            entities: Some(vec![self.entity.table.to_owned()]),
            ..Selection::default()
        }
    }

    fn row(&self) -> Option<RowName> {
        pinned::row(&self.entity, self.predicate.as_ref()?)
    }

    fn places(&self) -> Vec<RouteKey> {
        vec![RouteKey::filtered(&self.entity, self.predicate.as_ref())]
    }

    fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item> {
        let of_entity = |change: &&Arc<Change>| change.row.entity == self.entity.table;
        let change = parcel.last().filter(of_entity)?;
        self.through(epoch, change).map(Item::of)
    }

    fn rows(&self) -> Option<&dyn WatchedRows> {
        Some(self)
    }
}

impl WatchedRows for Records {
    fn source(&self) -> (Arc<dyn Table>, Option<Predicate>) {
        (Arc::clone(&self.table), self.predicate.clone())
    }

    fn initial(&self, row: KeyedRow, at: &Cursor) -> Item {
        Item::initial(RecordChange::initial(row.key, row.image, at))
    }

    fn caught_up(&self, at: &Cursor) -> Item {
        Item::of(RecordChange::caught_up(at))
    }
}

impl Records {
    /// The columns that differ, without those that the API leaves out.
    fn changed_fields(&self, change: &Change) -> Vec<String> {
        let mut changed = change.changed_fields();
        changed.retain(|name| !self.entity.leaves_out(name));
        changed
    }

    /// The change as seen through the filter: a row that enters it is an insert, one that leaves it a delete.
    fn through(&self, epoch: &Epoch, change: &Change) -> Option<RecordChange> {
        let row = &change.row;
        let before = row.before.as_ref().and_then(|image| image.as_object());
        let after = row.after.as_ref().and_then(|image| image.as_object());
        let predicate = self.predicate.as_ref();
        let meets =
            |image: &Image| predicate.is_none_or(|predicate| predicate.admits(&self.entity, image));
        let kind = match (before.is_some_and(meets), after.is_some_and(meets)) {
            (false, false) => return None,
            (false, true) => RecordChangeKind::Insert,
            (true, false) => RecordChangeKind::Delete,
            (true, true) => RecordChangeKind::Update,
        };
        debug_assert!(kind != RecordChangeKind::Update || row.operation == Operation::Update);
        Some(RecordChange {
            kind,
            cursor: Cursor::at(epoch, change.position).to_string(),
            key: row.row_key.as_object().cloned(),
            record: after.filter(|_| kind != RecordChangeKind::Delete).cloned(),
            previous: before.filter(|_| kind != RecordChangeKind::Insert).cloned(),
            changed_fields: self.changed_fields(change),
            actor: row.actor.clone(),
            transaction_id: Some(row.transaction_id.clone()),
            recorded_at: Some(time(row.recorded_at)),
        })
    }
}
