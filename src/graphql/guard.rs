//! What async-graphql and Seaography leave to us: nesting deep enough to hurt the parser is refused,
//! arguments that would panic or mean something else in Seaography's resolvers for relations are
//! refused or written anew, and every error of a field tells its path.

mod arguments;
mod variables;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextResolve, ResolveInfo,
};
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{
    Name, PathSegment, Pos, Positioned, QueryPathNode, QueryPathSegment, ServerError, ServerResult,
    Value, Variables,
};

use super::error::{ErrorCode, Refusal, refusal};
use super::filter::check_size;
use super::rendered::Rendered;

pub(super) use variables::fill_variables;

/// Brackets that a request may nest: far above `query_depth`, far below what overflows a stack.
const BRACKETS: usize = 200;

/// The type whose fields are ours: they read their own arguments.
const ROOT: &str = "Query";

/// Refuses a text whose brackets nest too deep for the parser.
pub(super) fn check_nesting(query: &str) -> Result<(), ServerError> {
    let mut depth = 0_usize;
    for byte in query.bytes() {
        match byte {
            // Brackets in strings and comments count too: 200 of them open at once mean nothing good.
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > BRACKETS {
            return Err(refusal(
                ErrorCode::LimitExceeded,
                "the request is nested too deep",
            ));
        }
    }
    Ok(())
}

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

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let node = *info.path_node;
        if let Some(rendered) = ctx.data_opt::<Rendered>()
            && let Some(value) = rendered.take(&node)
        {
            return Ok(Some(value));
        }
        next.run(ctx, info)
            .await
            .map_err(|error| with_path(error, &node))
    }
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
        if matches!(self, Self::Having | Self::Filters) {
            check_size(&given).map_err(|Refusal { code, message, .. }| refusal(code, message))?;
        }
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
