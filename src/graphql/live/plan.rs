//! What a subscription wants, as its resolver reads it from the arguments.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dynamic::{FieldValue, ResolverContext, SubscriptionFieldFuture};
use futures_util::stream::{self, StreamExt};
use seachange_changelog::Operation;

use super::pinned;
use crate::feed::{Change, Cursor, Epoch, FeedError, RowName, Selection, Start};
use crate::graphql::change::{ChangeNode, time};
use crate::graphql::entity::EntityInfo;
use crate::graphql::error::Refusal;
use crate::graphql::filter::Predicate;
use crate::graphql::record::{Kind, RecordChange};
use crate::graphql::sync::{Bulk, Conflict, Synced};
use crate::graphql::table::Table;

/// How a subscription begins.
#[derive(Clone, Debug)]
pub(in crate::graphql) enum Begin {
    /// With the next change.
    Now,
    /// With a replay.
    From(Start),
    /// With the rows there are.
    WithRows,
}

/// Which changes, and as what.
#[derive(Clone)]
pub(in crate::graphql) enum Watch {
    /// Changes as the log has them.
    Changes(Selection),
    /// One entity's rows through a filter.
    Records {
        entity: Arc<EntityInfo>,
        table: Arc<dyn Table>,
        predicate: Option<Predicate>,
    },
    /// One entity's rows for offline clients.
    Bulk(Arc<Synced>),
    /// The conflict inbox, of one entity or of all.
    Conflicts(Option<String>),
}

/// All of a subscription's arguments.
#[derive(Clone)]
pub(in crate::graphql) struct Plan {
    pub(in crate::graphql) watch: Watch,
    pub(in crate::graphql) begin: Begin,
}

impl Plan {
    /// Continued after a cursor, if there is one.
    pub(in crate::graphql) fn resumed(self, cursor: Option<String>) -> Result<Self, Refusal> {
        let begin = match cursor {
            None => self.begin,
            Some(cursor) => {
                let cursor = Cursor::from_str(&cursor).map_err(FeedError::from)?;
                Begin::From(Start::After(cursor))
            }
        };
        Ok(Self { begin, ..self })
    }
}

/// What an execution of a subscription's document is for; in the request's data.
pub(in crate::graphql) enum Role {
    /// To learn what it wants; it yields nothing.
    Plan(Mutex<Option<Box<Plan>>>),
    /// To render this item.
    Item(Item),
}

impl Role {
    pub(in crate::graphql) fn plan() -> Arc<Self> {
        Arc::new(Self::Plan(Mutex::default()))
    }

    /// The plan that the resolver told.
    pub(in crate::graphql) fn take_plan(&self) -> Option<Box<Plan>> {
        match self {
            Self::Plan(plan) => plan.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Self::Item(_) => None,
        }
    }

    /// What one of our subscription's resolvers answers: its plan, or the item to render.
    pub(in crate::graphql) fn answer<'a>(
        ctx: &ResolverContext<'a>,
        plan: impl FnOnce(&ResolverContext<'a>) -> Result<Plan, Refusal>,
    ) -> SubscriptionFieldFuture<'a> {
        let answered = Self::item(ctx, plan);
        SubscriptionFieldFuture::new(async move { Ok(stream::iter(answered?).map(Ok)) })
    }

    fn item<'a>(
        ctx: &ResolverContext<'a>,
        plan: impl FnOnce(&ResolverContext<'a>) -> Result<Plan, Refusal>,
    ) -> Result<Option<FieldValue<'static>>, Refusal> {
        let role = ctx.data::<Arc<Self>>();
        match &**role.map_err(|error| Refusal::internal(&error.message))? {
            Self::Item(item) => Ok(Some(item.clone().into_value())),
            Self::Plan(told) => {
                let plan = Box::new(plan(ctx)?);
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                if told.replace(plan).is_some() {
                    return Err(Refusal::bad_input("a subscription has one field"));
                }
                Ok(None)
            }
        }
    }
}

/// One item of a subscription, for GraphQL to render.
#[derive(Clone, Debug)]
pub(in crate::graphql) enum Item {
    Change(ChangeNode),
    Record(Arc<RecordChange>),
    Bulk(Arc<Bulk>),
    Conflict(Arc<Conflict>),
}

impl Item {
    pub(super) fn is_initial(&self) -> bool {
        matches!(self, Self::Record(record) if record.kind == Kind::Initial)
    }

    fn into_value(self) -> FieldValue<'static> {
        match self {
            Self::Change(node) => FieldValue::owned_any(node),
            Self::Record(record) => FieldValue::owned_any(RecordChange::clone(&record)),
            Self::Bulk(bulk) => FieldValue::owned_any(Bulk::clone(&bulk)),
            Self::Conflict(conflict) => FieldValue::owned_any(Conflict::clone(&conflict)),
        }
    }
}

impl Watch {
    /// What it wants of the log.
    pub(super) fn selection(&self) -> Selection {
        match self {
            Self::Changes(selection) => selection.clone(),
            Self::Records { entity, .. } => Selection {
                entities: Some(vec![entity.table.to_owned()]),
                ..Selection::default()
            },
            Self::Bulk(synced) => synced.selection(),
            Self::Conflicts(_) => Conflict::selection(),
        }
    }

    /// The row without which it wants nothing, if it names one.
    pub(super) fn row(&self) -> Option<RowName> {
        match self {
            Self::Records {
                entity, predicate, ..
            } => pinned::row(entity, predicate.as_ref()?),
            Self::Changes(_) | Self::Bulk(_) | Self::Conflicts(_) => None,
        }
    }

    /// Changes as this subscription is told of them: those of each parcel make one item.
    pub(super) fn parcels(&self, changes: Vec<Arc<Change>>) -> Vec<Vec<Arc<Change>>> {
        match self {
            Self::Changes(_) | Self::Records { .. } | Self::Conflicts(_) => {
                changes.into_iter().map(|change| vec![change]).collect()
            }
            Self::Bulk(_) => {
                let is_one = |one: &Arc<Change>, next: &Arc<Change>| {
                    one.row.transaction_id == next.row.transaction_id
                };
                changes.chunk_by(is_one).map(<[_]>::to_vec).collect()
            }
        }
    }

    /// A parcel as this subscription sees it, if it does.
    pub(super) fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item> {
        let change = match self {
            Self::Bulk(synced) => return Some(Item::Bulk(Arc::new(synced.bulk(epoch, parcel)?))),
            Self::Changes(_) | Self::Records { .. } | Self::Conflicts(_) => parcel.last()?,
        };
        match self {
            Self::Changes(selection) => selection.admits(change).then(|| {
                Item::Change(ChangeNode {
                    change: Arc::clone(change),
                    epoch: epoch.clone(),
                })
            }),
            Self::Records {
                entity, predicate, ..
            } if change.row.entity == entity.table => {
                let seen = through(entity, predicate.as_ref(), epoch, change)?;
                Some(Item::Record(Arc::new(seen)))
            }
            Self::Conflicts(entity) => {
                let conflict = Conflict::told(change, entity.as_deref())?;
                Some(Item::Conflict(Arc::new(conflict)))
            }
            Self::Records { .. } | Self::Bulk(_) => None,
        }
    }
}

/// The change as seen through the filter: entering it is an insert, leaving it a delete.
fn through(
    entity: &EntityInfo,
    predicate: Option<&Predicate>,
    epoch: &Epoch,
    change: &Change,
) -> Option<RecordChange> {
    let row = &change.row;
    let before = row.before.as_ref().and_then(|image| image.as_object());
    let after = row.after.as_ref().and_then(|image| image.as_object());
    let admitted = |image: &Option<&seachange_changelog::Image>| {
        image.is_some_and(|image| predicate.is_none_or(|predicate| predicate.admits(entity, image)))
    };
    let kind = match (admitted(&before), admitted(&after)) {
        (false, false) => return None,
        (false, true) => Kind::Insert,
        (true, false) => Kind::Delete,
        (true, true) => Kind::Update,
    };
    debug_assert!(kind != Kind::Update || row.operation == Operation::Update);
    Some(RecordChange {
        kind,
        cursor: Cursor::at(epoch, change.position).to_string(),
        key: row.row_key.as_object().cloned(),
        record: after.filter(|_| kind != Kind::Delete).cloned(),
        previous: before.filter(|_| kind != Kind::Insert).cloned(),
        changed_fields: change.changed_fields(),
        actor: row.actor.clone(),
        transaction_id: Some(row.transaction_id.clone()),
        recorded_at: Some(time(row.recorded_at)),
    })
}
