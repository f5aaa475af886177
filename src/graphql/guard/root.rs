//! What an operation may ask for at its root, before anything is done.

use std::collections::HashSet;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{ServerError, ServerResult};

use crate::graphql::error::refusal;
use crate::service::code::ErrorCode;

/// Checks the roots of all operations.
///
/// # Errors
/// `BAD_INPUT`: a subscription with more than one field, or one in a fragment; a mutation in which two fields have
/// the same name in the answer.
pub(in crate::graphql) fn check(document: &ExecutableDocument) -> ServerResult<()> {
    document
        .operations
        .iter()
        .try_for_each(|(_, operation)| match operation.node.ty {
            OperationType::Subscription => of_subscription(&operation.node),
            OperationType::Mutation => {
                let mut names = Names::default();
                names.add(document, &operation.node.selection_set.node)
            }
            OperationType::Query => Ok(()),
        })
}

/// async-graphql takes more than one field, and passes over fragments.
fn of_subscription(operation: &OperationDefinition) -> ServerResult<()> {
    let root = &operation.selection_set.node.items;
    match root.as_slice() {
        [one] if matches!(one.node, Selection::Field(_)) => Ok(()),
        _ => Err(bad_input(
            "a subscription has exactly one field at its root, and not in a fragment",
        )),
    }
}

/// The names of a mutation's fields in its answer. GraphQL makes one field of two with the same name; async-graphql
/// would run both, and so write twice.
#[derive(Default)]
struct Names<'d> {
    fields: HashSet<&'d str>,
    fragments: HashSet<&'d str>,
}

impl<'d> Names<'d> {
    /// Adds the fields of a selection, those of its fragments included.
    fn add(
        &mut self,
        document: &'d ExecutableDocument,
        selection: &'d SelectionSet,
    ) -> ServerResult<()> {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => {
                    let name = field.node.response_key().node.as_str();
                    if !self.fields.insert(name) {
                        return Err(bad_input(&format!(
                            "a mutation has two fields `{name}`; give one of them an alias to run both"
                        )));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.add(document, &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if !self.fragments.insert(name) {
                        return Err(bad_input(&format!(
                            "a mutation has the fragment `{name}` twice"
                        )));
                    }
                    // An unknown one is reported by validation.
                    if let Some(fragment) = document.fragments.get(name) {
                        self.add(document, &fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn bad_input(message: &str) -> ServerError {
    refusal(ErrorCode::BadInput, message)
}
