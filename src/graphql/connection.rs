//! `TaskConnection`: a page of rows, and the facts about it.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, ResolverContext, TypeRef};

use super::node::Node;
use super::object_of::ObjectOf;
use super::pagination::{self, RowRange};
use crate::service::entity::EntityInfo;

/// A page of rows.
pub(super) struct Connection {
    pub(super) nodes: Vec<Node>,
    pub(super) has_previous: bool,
    pub(super) has_next: bool,
    /// `None` if rows are paged by cursors.
    pub(super) numbers: Option<Numbers>,
}

/// The place of a page among all rows.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) pages: RowRange,
    pub(super) total: u64,
}

impl Connection {
    /// A page by number. `total` is known if the request [asks for it](Asked).
    pub(super) fn numbered(nodes: Vec<Node>, pages: RowRange, total: Option<u64>) -> Self {
        let total = total.unwrap_or_default();
        Self {
            nodes,
            has_previous: pages.offset > 0,
            has_next: pages.offset.saturating_add(pages.limit) < total,
            numbers: Some(Numbers { pages, total }),
        }
    }
}

/// What a request asks of a page in addition to its rows. Each costs something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// How many rows there are.
    pub(super) total: bool,
    /// Whether there are rows before the page.
    pub(super) previous: bool,
}

impl Asked {
    /// What the request asks of the field that is being resolved.
    pub(super) fn of(ctx: &ResolverContext<'_>) -> Self {
        let look = ctx.look_ahead();
        let info = look.field("pageInfo");
        Self {
            total: look.field("paginationInfo").exists() || info.field("hasNextPage").exists(),
            previous: info.field("hasPreviousPage").exists(),
        }
    }
}

/// The name of the type.
pub(super) fn name(entity: &EntityInfo) -> String {
    format!("{}Connection", entity.object)
}

fn edge_name(entity: &EntityInfo) -> String {
    format!("{}Edge", entity.object)
}

/// `TaskConnection`.
pub(super) fn object(entity: &Arc<EntityInfo>) -> Object {
    let (of_page, of_node) = (Arc::clone(entity), entity.object.clone());
    ObjectOf::<Connection>::new(name(entity))
        .field(Field::new(
            "pageInfo",
            TypeRef::named_nn("PageInfo"),
            move |ctx| {
                let entity = Arc::clone(&of_page);
                FieldFuture::new(async move {
                    let connection = ctx.parent_value.try_downcast_ref::<Connection>()?;
                    let cursor = |node: Option<&Node>| {
                        node.map(|node| pagination::encode(&entity, &node.key(&entity)))
                    };
                    Ok(Some(FieldValue::owned_any(PageInfo {
                        has_previous: connection.has_previous,
                        has_next: connection.has_next,
                        start: cursor(connection.nodes.first()),
                        end: cursor(connection.nodes.last()),
                    })))
                })
            },
        ))
        .part(
            "paginationInfo",
            TypeRef::named("PaginationInfo"),
            |connection| connection.numbers.as_ref(),
        )
        .list("nodes", of_node, nodes)
        .list("edges", edge_name(entity), nodes)
        .finish()
}

fn nodes(connection: &Connection) -> Vec<FieldValue<'_>> {
    let nodes = connection.nodes.iter();
    nodes.map(|node| FieldValue::borrowed_any(node)).collect()
}

/// `TaskEdge`: a row and its cursor.
pub(super) fn edge(entity: &Arc<EntityInfo>) -> Object {
    let (info, node) = (Arc::clone(entity), TypeRef::named_nn(&entity.object));
    ObjectOf::<Node>::new(edge_name(entity))
        .text("cursor", move |node| {
            pagination::encode(&info, &node.key(&info))
        })
        .part("node", node, |node| Some(node))
        .finish()
}

struct PageInfo {
    has_previous: bool,
    has_next: bool,
    start: Option<String>,
    end: Option<String>,
}

/// `PageInfo`.
pub(super) fn page_info() -> Object {
    ObjectOf::<PageInfo>::new("PageInfo")
        .flag("hasPreviousPage", |page| page.has_previous)
        .flag("hasNextPage", |page| page.has_next)
        .text_or_null("startCursor", |page| page.start.clone())
        .text_or_null("endCursor", |page| page.end.clone())
        .finish()
}

/// `PaginationInfo`.
pub(super) fn pagination_info() -> Object {
    ObjectOf::<Numbers>::new("PaginationInfo")
        .number("pages", |of| of.total.div_ceil(of.pages.limit))
        .number("current", |of| of.pages.offset / of.pages.limit)
        .number("offset", |of| of.pages.offset)
        .number("total", |of| of.total)
        .finish()
}
