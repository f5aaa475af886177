//! What async-graphql and Seaography leave to us: a request keeps to its budget at every field,
//! arguments that would panic or mean something else in Seaography's resolvers for relations are
//! refused or written anew, and every error of a field tells its path.

mod arguments;
mod variables;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextResolve,
    ResolveInfo,
};
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{
    Error, Name, PathSegment, Pos, Positioned, QueryPathNode, QueryPathSegment, Response,
    ServerError, ServerResult, Value, Variables,
};

use super::budget::Budget;
use super::error::{ErrorCode, Refusal, refusal};
use super::filter::{check_having, check_said, check_size};
use super::rendered::Rendered;

pub(super) use variables::{fill_variables, given};

/// The type whose fields are ours: they read their own arguments.
const ROOT: &str = "Query";

/// Checks the arguments of relations, writes them as Seaography reads them, adds paths to errors, and
/// passes over fields that are rendered already.
pub(super) struct Guard {
    pub(super) page_rows: u64,
}

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { ..*self })
    }
}

#[async_trait::async_trait]
impl Extension for Guard {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let mut document = next.run(ctx, query, variables).await?;
        let mut pass = Pass {
            page_rows: self.page_rows,
            variables,
            replaced: BTreeSet::new(),
        };
        for operation in variables::operations(&mut document.operations) {
            check_root(operation)?;
            pass.rewrite_set(&mut operation.selection_set.node, true)?;
        }
        for fragment in document.fragments.values_mut() {
            let is_root = fragment.node.type_condition.node.on.node == ROOT;
            pass.rewrite_set(&mut fragment.node.selection_set.node, is_root)?;
        }
        variables::forget_unused(&mut document, &pass.replaced);
        Ok(document)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        // For a subscription of an adopter's this is one of its items.
        if let Some(budget) = ctx.data_opt::<Budget>() {
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
        let resolved = match ctx.data_opt::<Budget>() {
            Some(budget) => within(budget, ctx, info, next).await,
            None => next.run(ctx, info).await,
        };
        resolved.map_err(|error| with_path(error, &node))
    }
}

/// Resolves a field, or an item of a list, within the request's budget.
async fn within(
    budget: &Budget,
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
    budget.check().map_err(refused)?;
    let set = &field.selection_set.node;
    let name = field.response_key().node.as_str();
    if set.items.is_empty() {
        let value = next.run(ctx, info).await?;
        // Items of a list have been counted with it.
        if let (Some(value), QueryPathSegment::Name(_)) = (&value, node.segment) {
            budget.charge_value(name, value).map_err(refused)?;
        }
        return Ok(value);
    }
    if let Some(rendered) = ctx.data_opt::<Rendered>()
        && let Some(value) = rendered.take(&node)
    {
        budget.charge_value(name, &value).map_err(refused)?;
        return Ok(Some(value));
    }
    let is_list = info.return_type.starts_with('[');
    let _open = match is_list {
        true => None,
        false => budget
            .open(level(&node), budget.width(set))
            .await
            .map_err(refused)?,
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

/// The error at the place of its field, unless it came from further down.
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

/// A subscription has one field at its root. async-graphql takes more, and passes over fragments.
fn check_root(operation: &OperationDefinition) -> ServerResult<()> {
    let root = &operation.selection_set.node.items;
    let is_one_field = matches!(root.as_slice(), [one] if matches!(one.node, Selection::Field(_)));
    if operation.ty == OperationType::Subscription && !is_one_field {
        return Err(refusal(
            ErrorCode::BadInput,
            "a subscription has exactly one field at its root, and not in a fragment",
        ));
    }
    Ok(())
}

/// One way through a document.
struct Pass<'a> {
    page_rows: u64,
    variables: &'a Variables,
    /// Variables that stood in arguments which have been written anew.
    replaced: BTreeSet<Name>,
}

impl Pass<'_> {
    /// Recursion is bounded by the parser's own limit on depth.
    fn rewrite_set(&mut self, set: &mut SelectionSet, is_root: bool) -> ServerResult<()> {
        for selection in &mut set.items {
            match &mut selection.node {
                Selection::Field(field) => {
                    let field = &mut field.node;
                    self.rewrite_arguments(field, is_root)?;
                    self.rewrite_set(&mut field.selection_set.node, false)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.rewrite_set(&mut fragment.node.selection_set.node, is_root)?;
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn rewrite_arguments(&mut self, field: &mut Field, is_root: bool) -> ServerResult<()> {
        let mut written = Vec::with_capacity(field.arguments.len());
        for (name, value) in std::mem::take(&mut field.arguments) {
            let reading = Reading::of(name.node.as_str(), is_root);
            let given = reading.and_then(|reading| {
                // A value with a variable that has none stays: validation reports it.
                Some((reading, resolve(&value.node, self.variables)?))
            });
            let Some((reading, given)) = given else {
                written.push((name, value));
                continue;
            };
            let wanted = reading.write(given.clone(), self.page_rows)?;
            if wanted.as_ref() == Some(&given) {
                written.push((name, value));
                continue;
            }
            variables::collect(&value.node, &mut self.replaced);
            let pos: Pos = value.pos;
            written.extend(wanted.map(|wanted| (name, Positioned::new(wanted.into_value(), pos))));
        }
        field.arguments = written;
        Ok(())
    }
}

/// An argument that Seaography reads.
#[derive(Clone, Copy)]
enum Reading {
    Having,
    Filters,
    OrderBy,
    Pagination,
}

impl Reading {
    /// By name and place; `None` for what our own fields and the adopter's read.
    fn of(name: &str, is_root: bool) -> Option<Self> {
        match (name, is_root) {
            ("having", true) => Some(Self::Having),
            ("filters", false) => Some(Self::Filters),
            ("orderBy", false) => Some(Self::OrderBy),
            ("pagination", false) => Some(Self::Pagination),
            _ => None,
        }
    }

    /// The value as Seaography is to read it; `None` for no argument.
    fn write(self, given: Value, page_rows: u64) -> ServerResult<Option<Value>> {
        let said = match self {
            Self::Having => check_size(&given).and_then(|()| check_having(&given)),
            Self::Filters => check_size(&given).and_then(|()| check_said(&given)),
            Self::OrderBy | Self::Pagination => Ok(()),
        };
        said.map_err(|Refusal { code, message, .. }| refusal(code, message))?;
        match self {
            Self::Having => Ok(arguments::having(given)),
            Self::Filters => Ok(arguments::filter(given)),
            Self::OrderBy => Ok(arguments::order(given)),
            Self::Pagination => arguments::pagination(given, page_rows),
        }
    }
}

/// The value with its variables filled in.
fn resolve(value: &async_graphql_value::Value, variables: &Variables) -> Option<Value> {
    let filled = value.clone();
    filled
        .into_const_with(|name| variables.get(&name).cloned().ok_or(()))
        .ok()
}
