//! Rules that async-graphql does not enforce: a request keeps to its budget at every field, a subscription has
//! one field, a mutation does nothing twice, and every error of a field has its path.

mod root;
mod variables;

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{
    Error, PathSegment, Pos, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult,
    Value,
};

use super::budget::AnswerBudget;
use super::error::Refusal;
use super::prerendered::Prerendered;

pub(super) use root::check as check_roots;
pub(super) use variables::{fill_variables, given};

/// The type whose fields are resolved a few at a time.
const ROOT: &str = "Query";

/// Keeps fields to the budget, adds paths to errors, and skips fields that are already rendered.
pub(super) struct Guard;

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Guard {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        // For an adopter's subscription this runs for each item.
        if let Some(budget) = ctx.data_opt::<AnswerBudget>() {
            budget.renew();
        }
        next.run(ctx, operation_name).await
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let node = *info.path_node;
        let resolved = match ctx.data_opt::<AnswerBudget>() {
            Some(budget) => within(budget, ctx, info, next).await,
            None => next.run(ctx, info).await,
        };
        resolved.map_err(|error| with_path(error, &node))
    }
}

/// Resolves a field, or an item of a list, within the request's budget.
async fn within(
    budget: &AnswerBudget,
    ctx: &ExtensionContext<'_>,
    info: ResolveInfo<'_>,
    next: NextResolve<'_>,
) -> ServerResult<Option<Value>> {
    let refused = |refusal: Refusal| Error::from(refusal).into_server_error(Pos::default());
    let (node, field) = (*info.path_node, info.field);
    let _root = match node.parent {
        None if info.parent_type == ROOT => budget.root().await,
        _ => None,
    };
    budget.yield_sometimes().await;
    budget
        .reads
        .check()
        .map_err(|error| refused(error.into()))?;
    let set = &field.selection_set.node;
    let name = field.response_key().node.as_str();
    if set.items.is_empty() {
        let resolved = next.run(ctx, info).await;
        let put = ctx
            .data_opt::<Prerendered>()
            .and_then(|put| put.take(&node));
        let value = match put {
            Some(value) => Some(value),
            None => resolved?,
        };
        // Items of a list have been charged with the list.
        if let (Some(value), QueryPathSegment::Name(_)) = (&value, node.segment) {
            budget.charge_value(name, value).map_err(refused)?;
        }
        return Ok(value);
    }
    if let Some(rendered) = ctx.data_opt::<Prerendered>()
        && let Some(value) = rendered.take(&node)
    {
        budget.charge_value(name, &value).map_err(refused)?;
        return Ok(Some(value));
    }
    let is_list = info.return_type.starts_with('[');
    let _open = if is_list {
        None
    } else {
        budget
            .open(level(&node), budget.width(set))
            .await
            .map_err(refused)?
    };
    next.run(ctx, info).await
}

/// The number of lists around a place of the answer.
fn level(node: &QueryPathNode<'_>) -> usize {
    let nodes = std::iter::successors(Some(node), |node| node.parent);
    nodes
        .filter(|node| matches!(node.segment, QueryPathSegment::Index(_)))
        .count()
}

/// Adds the path of the field to the error, unless it came from further down.
fn with_path(error: ServerError, node: &QueryPathNode<'_>) -> ServerError {
    if !error.path.is_empty() {
        return error;
    }
    let nodes = std::iter::successors(Some(node), |node| node.parent);
    let mut path: Vec<PathSegment> = nodes
        .map(|node| match node.segment {
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
            QueryPathSegment::Index(index) => PathSegment::Index(index),
        })
        .collect();
    path.reverse();
    ServerError { path, ..error }
}
