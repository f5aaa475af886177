//! The variables of a request: their defaults, and where they are used.

use std::borrow::Cow;
use std::collections::BTreeSet;

use async_graphql::dynamic::ResolverContext;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Request, ServerResult, Value};
use async_graphql_value::Value as Written;

use crate::graphql::error::{ErrorCode, refusal};

/// Variables of a request that have neither a value nor a default: in its data.
#[derive(Default)]
pub(in crate::graphql) struct Absent(BTreeSet<Name>);

/// Gives absent variables the defaults that the operation declares, or null where they may be null, so that
/// every resolver sees a value. Returns those that are null for this reason.
///
/// # Errors
/// `BAD_INPUT` for a null where none may be, which async-graphql lets through.
pub(in crate::graphql) fn fill_variables(request: &mut Request) -> ServerResult<Absent> {
    let mut absent = Absent::default();
    let name = request.operation_name.clone();
    // A text that does not parse is reported when it is executed.
    let Ok(document) = request.parsed_query() else {
        return Ok(absent);
    };
    let mut operations = document.operations.iter();
    let operation = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| *known == name)),
        None => operations.next(),
    };
    let definitions = operation.map(|(_, operation)| operation.node.variable_definitions.clone());
    for definition in definitions.unwrap_or_default() {
        let definition = definition.node;
        let (name, nullable) = (definition.name.node, definition.var_type.node.nullable);
        match (request.variables.get(&name), definition.default_value) {
            (Some(Value::Null), _) if !nullable => {
                let message = format!("variable `${name}` cannot be null");
                return Err(refusal(ErrorCode::BadInput, message));
            }
            (None, Some(default)) => {
                request.variables.insert(name, default.node);
            }
            (None, None) if nullable => {
                absent.0.insert(name.clone());
                request.variables.insert(name, Value::Null);
            }
            // Missing ones are reported when the request is executed.
            _ => {}
        }
    }
    Ok(absent)
}

/// An argument of the field that is being resolved, without the fields of input objects that are variables
/// without a value. GraphQL says that these are absent, too; taken for null, they would clear columns that
/// nobody named.
pub(in crate::graphql) fn given<'a>(
    ctx: &'a ResolverContext<'_>,
    name: &str,
) -> Option<Cow<'a, Value>> {
    let value = ctx.args.as_index_map().get(name)?;
    let written = ctx.item.node.get_argument(name);
    match (ctx.data_opt::<Absent>(), written) {
        (Some(absent), Some(written)) if !absent.0.is_empty() => {
            let mut value = value.clone();
            leave_out(&mut value, &written.node, &absent.0);
            Some(Cow::Owned(value))
        }
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Recursion is bounded by the brackets of a request.
fn leave_out(value: &mut Value, written: &Written, absent: &BTreeSet<Name>) {
    match (value, written) {
        (Value::Object(fields), Written::Object(written)) => {
            fields.retain(|name, field| match written.get(name) {
                Some(Written::Variable(variable)) => !absent.contains(variable),
                Some(written) => {
                    leave_out(field, written, absent);
                    true
                }
                None => true,
            });
        }
        (Value::List(items), Written::List(written)) => {
            let items = items.iter_mut().zip(written);
            items.for_each(|(item, written)| leave_out(item, written, absent));
        }
        _ => {}
    }
}

/// The operations of a document.
pub(super) fn operations(
    operations: &mut DocumentOperations,
) -> impl Iterator<Item = &mut OperationDefinition> {
    let (single, multiple) = match operations {
        DocumentOperations::Single(single) => (Some(single), None),
        DocumentOperations::Multiple(multiple) => (None, Some(multiple.values_mut())),
    };
    let all = single.into_iter().chain(multiple.into_iter().flatten());
    all.map(|operation| &mut operation.node)
}

/// Drops the declarations of those of these variables that are used nowhere any more: validation
/// would take them for the client's mistake.
pub(super) fn forget_unused(document: &mut ExecutableDocument, replaced: &BTreeSet<Name>) {
    if replaced.is_empty() {
        return;
    }
    let mut used = BTreeSet::new();
    for operation in operations(&mut document.operations) {
        collect_directives(&operation.directives, &mut used);
        collect_set(&operation.selection_set.node, &mut used);
    }
    for fragment in document.fragments.values() {
        collect_directives(&fragment.node.directives, &mut used);
        collect_set(&fragment.node.selection_set.node, &mut used);
    }
    for operation in operations(&mut document.operations) {
        operation.variable_definitions.retain(|definition| {
            let name = &definition.node.name.node;
            used.contains(name) || !replaced.contains(name)
        });
    }
}

fn collect_set(set: &SelectionSet, used: &mut BTreeSet<Name>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                field
                    .arguments
                    .iter()
                    .for_each(|(_, value)| collect(&value.node, used));
                collect_directives(&field.directives, used);
                collect_set(&field.selection_set.node, used);
            }
            Selection::InlineFragment(fragment) => {
                collect_directives(&fragment.node.directives, used);
                collect_set(&fragment.node.selection_set.node, used);
            }
            Selection::FragmentSpread(spread) => collect_directives(&spread.node.directives, used),
        }
    }
}

fn collect_directives(directives: &[Positioned<Directive>], used: &mut BTreeSet<Name>) {
    let arguments = directives
        .iter()
        .flat_map(|directive| &directive.node.arguments);
    arguments.for_each(|(_, value)| collect(&value.node, used));
}

/// Adds the variables in a value.
pub(super) fn collect(value: &Written, used: &mut BTreeSet<Name>) {
    match value {
        Written::Variable(name) => {
            used.insert(name.clone());
        }
        Written::List(items) => items.iter().for_each(|item| collect(item, used)),
        Written::Object(fields) => fields.values().for_each(|field| collect(field, used)),
        _ => {}
    }
}
