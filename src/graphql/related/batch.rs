//! The children of all rows that were read together, read by one statement.
//!
//! Rows that came from one statement are rendered by one selection, so when one of them is asked for its
//! children, all will be. The first that is asked reads the children of all, and the others wait for the same
//! answer. So the order in which async-graphql resolves them does not matter. The statement runs in a separate
//! task, to its end, even when the waiting fields are dropped because another field of the request has failed.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Pos;
use async_graphql::dynamic::ResolverContext;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::{Mutex, MutexGuard};
use sea_orm::DatabaseConnection;

use super::level::{Children, ChildrenPage, Level, Parent};
use crate::graphql::error::Refusal;
use crate::graphql::node::Node;
use crate::service::budget::Budget;
use crate::service::row::Row;

/// A field of the document: its position and its relation. A field in a fragment may belong to several
/// relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FieldPlace {
    pos: Pos,
    level: usize,
}

impl FieldPlace {
    pub(super) fn of(ctx: &ResolverContext<'_>, level: &Arc<Level>) -> Self {
        Self {
            pos: ctx.item.pos,
            level: Arc::as_ptr(level) as usize,
        }
    }
}

/// What is needed to read a level.
pub(super) struct Reading {
    pub(super) level: Arc<Level>,
    pub(super) page: Arc<ChildrenPage>,
    pub(super) db: DatabaseConnection,
    pub(super) budget: Budget,
}

/// The children of each parent that has any.
type LevelAnswer = Result<Arc<HashMap<Parent, Children>>, Refusal>;

/// The levels of one request. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::graphql) struct Batches(Arc<Mutex<LevelBatches>>);

#[derive(Default)]
struct LevelBatches {
    pages: HashMap<FieldPlace, Arc<ChildrenPage>>,
    /// By field and by the address of the parents in memory.
    batches: HashMap<(FieldPlace, usize), LevelBatch>,
}

struct LevelBatch {
    answer: Shared<BoxFuture<'static, LevelAnswer>>,
    /// Held so that no other rows can get their address.
    _parents: Arc<[Row]>,
}

impl Batches {
    fn lock(&self) -> MutexGuard<'_, LevelBatches> {
        self.0.lock()
    }

    /// The page that a field asks for, read from its arguments once.
    pub(super) fn page(
        &self,
        place: FieldPlace,
        read: impl FnOnce() -> Result<ChildrenPage, Refusal>,
    ) -> Result<Arc<ChildrenPage>, Refusal> {
        if let Some(page) = self.lock().pages.get(&place) {
            return Ok(Arc::clone(page));
        }
        let page = Arc::new(read()?);
        self.lock().pages.insert(place, Arc::clone(&page));
        Ok(page)
    }

    /// The children of a row and of all that were read with it.
    pub(super) async fn load(
        &self,
        place: FieldPlace,
        reading: Reading,
        node: &Node,
    ) -> LevelAnswer {
        let parents = node.together();
        let key = (place, Arc::as_ptr(parents).cast::<()>() as usize);
        let answer = {
            let mut fields = self.lock();
            let batch = fields.batches.entry(key).or_insert_with(|| LevelBatch {
                answer: start(reading, Arc::clone(parents)),
                _parents: Arc::clone(parents),
            });
            batch.answer.clone()
        };
        answer.await
    }
}

fn start(reading: Reading, parents: Arc<[Row]>) -> Shared<BoxFuture<'static, LevelAnswer>> {
    let reading = tokio::spawn(async move {
        let Reading {
            level,
            page,
            db,
            budget,
        } = reading;
        level
            .read((&db, &budget), &page, &parents)
            .await
            .map(Arc::new)
    });
    let answer = reading.map(|read| read.unwrap_or_else(|error| Err(Refusal::internal(&error))));
    answer.boxed().shared()
}
