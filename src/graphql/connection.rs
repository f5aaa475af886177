//! `TaskConnection`: a page of rows, and the facts about it.

use std::sync::Arc;

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, ResolverContext, TypeRef};

use super::node::Node;
use super::pagination::{self, Pages};
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
    pub(super) pages: Pages,
    pub(super) total: u64,
}

impl Connection {
    /// A page by number. `total` is known if the request [asks for it](Asked).
    pub(super) fn numbered(nodes: Vec<Node>, pages: Pages, total: Option<u64>) -> Self {
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
    Object::new(name(entity))
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
        .field(Field::new(
            "paginationInfo",
            TypeRef::named("PaginationInfo"),
            |ctx| {
                FieldFuture::new(async move {
                    let connection = ctx.parent_value.try_downcast_ref::<Connection>()?;
                    let numbers = connection.numbers.as_ref();
                    Ok(numbers.map(|numbers| FieldValue::borrowed_any(numbers)))
                })
            },
        ))
        .field(list("nodes", TypeRef::named_nn_list_nn(of_node)))
        .field(list("edges", TypeRef::named_nn_list_nn(edge_name(entity))))
}

fn list(name: &str, ty: TypeRef) -> Field {
    Field::new(name, ty, |ctx| {
        FieldFuture::new(async move {
            let connection = ctx.parent_value.try_downcast_ref::<Connection>()?;
            let nodes = connection.nodes.iter();
            let nodes = nodes.map(|node| FieldValue::borrowed_any(node));
            Ok(Some(FieldValue::list(nodes)))
        })
    })
}

/// `TaskEdge`: a row and its cursor.
pub(super) fn edge(entity: &Arc<EntityInfo>) -> Object {
    let (info, node) = (Arc::clone(entity), entity.object.clone());
    Object::new(edge_name(entity))
        .field(Field::new(
            "cursor",
            TypeRef::named_nn(TypeRef::STRING),
            move |ctx| {
                let node = ctx.parent_value.try_downcast_ref::<Node>().ok();
                let cursor = node.map(|node| pagination::encode(&info, &node.key(&info)));
                FieldFuture::from_value(cursor.map(GraphqlValue::from))
            },
        ))
        .field(Field::new("node", TypeRef::named_nn(node), |ctx| {
            FieldFuture::new(async move {
                let node = ctx.parent_value.try_downcast_ref::<Node>()?;
                Ok(Some(FieldValue::borrowed_any(node)))
            })
        }))
}

struct PageInfo {
    has_previous: bool,
    has_next: bool,
    start: Option<String>,
    end: Option<String>,
}

/// `PageInfo`.
pub(super) fn page_info() -> Object {
    let flag = TypeRef::named_nn(TypeRef::BOOLEAN);
    let cursor = TypeRef::named(TypeRef::STRING);
    Object::new("PageInfo")
        .field(of_page(
            "hasPreviousPage",
            flag.clone(),
            |page: &PageInfo| Some(page.has_previous.into()),
        ))
        .field(of_page("hasNextPage", flag, |page: &PageInfo| {
            Some(page.has_next.into())
        }))
        .field(of_page("startCursor", cursor.clone(), |page: &PageInfo| {
            page.start.clone().map(GraphqlValue::from)
        }))
        .field(of_page("endCursor", cursor, |page: &PageInfo| {
            page.end.clone().map(GraphqlValue::from)
        }))
}

/// `PaginationInfo`.
pub(super) fn pagination_info() -> Object {
    let number = || TypeRef::named_nn(TypeRef::INT);
    Object::new("PaginationInfo")
        .field(of_page("pages", number(), |of: &Numbers| {
            Some(of.total.div_ceil(of.pages.limit).into())
        }))
        .field(of_page("current", number(), |of: &Numbers| {
            Some((of.pages.offset / of.pages.limit).into())
        }))
        .field(of_page("offset", number(), |of: &Numbers| {
            Some(of.pages.offset.into())
        }))
        .field(of_page("total", number(), |of: &Numbers| {
            Some(of.total.into())
        }))
}

fn of_page<T: Send + Sync + 'static>(
    name: &str,
    ty: TypeRef,
    read: fn(&T) -> Option<GraphqlValue>,
) -> Field {
    Field::new(name, ty, move |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<T>().ok();
        FieldFuture::from_value(page.and_then(read))
    })
}
