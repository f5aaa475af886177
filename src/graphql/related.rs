//! The fields of relations: a row's children, as one page for each parent.
//!
//! One statement answers for all parents that were read together, whatever their number: [`batch`] collects the
//! parents, [`level`] reads their children, [`statement`] makes the statement.

mod aliases;
mod batch;
mod level;
mod statement;

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, ResolverContext, TypeRef};

use super::arguments;
use super::connection::{self, Asked, Connection};
use super::context::{budget, database};
use super::error::Refusal;
use super::node::node;
use super::pagination::{self, RowRange, Wanted};
use super::relation::Relation;
pub(super) use batch::Batches;
use batch::{FieldPlace, Reading};
use level::{Children, ChildrenPage, Level};

/// The field of a relation.
pub(super) fn field(relation: &Arc<Relation>) -> Field {
    let level = Arc::new(Level::of(relation));
    if relation.is_many {
        many(relation, level)
    } else {
        one(relation, level)
    }
}

fn one(relation: &Relation, level: Arc<Level>) -> Field {
    let ty = TypeRef::named(&relation.child.info.object);
    Field::new(&relation.field, ty, move |ctx| {
        let level = Arc::clone(&level);
        FieldFuture::new(async move {
            let children = children(&ctx, &level, |_| Ok(ChildrenPage::one())).await?;
            let child = children.and_then(|(_, found)| found.nodes.first().cloned());
            Ok(child.map(FieldValue::owned_any))
        })
    })
}

fn many(relation: &Relation, level: Arc<Level>) -> Field {
    let ty = TypeRef::named_nn(connection::name(&relation.child.info));
    let field = Field::new(&relation.field, ty, move |ctx| {
        let level = Arc::clone(&level);
        FieldFuture::new(async move {
            let children = children(&ctx, &level, |level| page(&ctx, level)).await?;
            let connection = match children {
                Some((page, found)) => Connection::numbered(found.nodes, page.pages, found.total),
                // A null has no children.
                None => Connection::numbered(Vec::new(), pages(&ctx)?, None),
            };
            Ok(Some(FieldValue::owned_any(connection)))
        })
    });
    arguments::of_list(field, &relation.child.info)
}

/// The page of children that the arguments ask for.
fn page(ctx: &ResolverContext<'_>, level: &Level) -> Result<ChildrenPage, Refusal> {
    let entity = &level.relation.child.info;
    Ok(ChildrenPage {
        filter: arguments::predicate(ctx, entity, "filters")?,
        order: arguments::order_by(ctx, entity)?,
        pages: pages(ctx)?,
        total: Asked::of(ctx).total,
    })
}

fn pages(ctx: &ResolverContext<'_>) -> Result<RowRange, Refusal> {
    match pagination::parse(ctx)? {
        Wanted::Range(pages) if pages.last().is_none() => {
            Err(Refusal::bad_input("pagination out of range"))
        }
        Wanted::Range(pages) => Ok(pages),
        Wanted::After { .. } => Err(Refusal::bad_input(
            "no cursors inside a relation: use page or offset there",
        )),
    }
}

/// The children of the row that is being resolved; `None` if it does not identify a parent.
async fn children(
    ctx: &ResolverContext<'_>,
    level: &Arc<Level>,
    page: impl FnOnce(&Level) -> Result<ChildrenPage, Refusal>,
) -> Result<Option<(Arc<ChildrenPage>, Children)>, Refusal> {
    let batches = ctx
        .data::<Batches>()
        .map_err(|error| Refusal::internal(&error.message))?;
    let place = FieldPlace::of(ctx, level);
    // The arguments are the same for every parent, so they are read once.
    let page = batches.page(place, || page(level))?;
    let node = node(ctx.parent_value, level.relation.parent.source.as_ref())
        .ok_or_else(|| Refusal::internal(&"no row to relate to"))?;
    let Some(parent) = level.parent(&node) else {
        return Ok(None);
    };
    let reading = Reading {
        level: Arc::clone(level),
        page: Arc::clone(&page),
        db: database(ctx)?.clone(),
        budget: budget(ctx)?.clone(),
    };
    let all = batches.load(place, reading, &node).await?;
    let found = all.get(&parent).cloned().unwrap_or_default();
    Ok(Some((page, found)))
}
