//! What a subscription wants, as its resolver reads it from the arguments.

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dynamic::{FieldValue, ResolverContext, SubscriptionFieldFuture};
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;

use super::watched::{Item, Watched};
use crate::feed::{Cursor, FeedError, Start};
use crate::graphql::error::Refusal;

/// How a subscription begins.
#[derive(Clone, Debug)]
pub(in crate::graphql) enum Begin {
    /// With the next change.
    Now,
    /// With a replay.
    From(Start),
    /// With the rows that exist.
    WithRows,
}

/// What a subscription's arguments ask for.
#[derive(Clone)]
pub(in crate::graphql) struct Plan {
    pub(in crate::graphql) watched: Arc<dyn Watched>,
    pub(in crate::graphql) begin: Begin,
}

impl Plan {
    pub(in crate::graphql) fn new(watched: impl Watched + 'static, begin: Begin) -> Self {
        Self {
            watched: Arc::new(watched),
            begin,
        }
    }

    /// Continues after a cursor instead, if there is one.
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

/// Why a subscription's document is executed. Kept in the request's data.
pub(in crate::graphql) enum Role {
    /// To find out what it wants; this yields nothing.
    Plan(Mutex<Option<Box<Plan>>>),
    /// To render this item, once.
    Item(Mutex<Option<FieldValue<'static>>>),
}

impl Role {
    pub(in crate::graphql) fn plan() -> Arc<Self> {
        Arc::new(Self::Plan(Mutex::default()))
    }

    pub(super) fn item(item: Item) -> Arc<Self> {
        Arc::new(Self::Item(Mutex::new(Some(item.value))))
    }

    /// The plan that the resolver has left.
    pub(in crate::graphql) fn take_plan(&self) -> Option<Box<Plan>> {
        match self {
            Self::Plan(plan) => plan.lock().take(),
            Self::Item(_) => None,
        }
    }

    /// What a resolver of our subscriptions returns: it leaves its plan, or yields the item to
    /// render.
    pub(in crate::graphql) fn answer<'a>(
        ctx: &ResolverContext<'a>,
        plan: impl FnOnce(&ResolverContext<'a>) -> Result<Plan, Refusal>,
    ) -> SubscriptionFieldFuture<'a> {
        let answered = Self::next(ctx, plan);
        SubscriptionFieldFuture::new(async move { Ok(stream::iter(answered?).map(Ok)) })
    }

    fn next<'a>(
        ctx: &ResolverContext<'a>,
        plan: impl FnOnce(&ResolverContext<'a>) -> Result<Plan, Refusal>,
    ) -> Result<Option<FieldValue<'static>>, Refusal> {
        let role = ctx.data::<Arc<Self>>();
        match &**role.map_err(|error| Refusal::internal(&error.message))? {
            Self::Item(item) => Ok(item.lock().take()),
            Self::Plan(asked) => {
                let plan = Box::new(plan(ctx)?);
                let mut asked = asked.lock();
                if asked.replace(plan).is_some() {
                    return Err(Refusal::bad_input("a subscription has one field"));
                }
                Ok(None)
            }
        }
    }
}
