//! The variables of a request: their defaults, and those without a value.

use std::borrow::Cow;
use std::collections::BTreeSet;

use async_graphql::dynamic::ResolverContext;
use async_graphql::parser::types::VariableDefinition;
use async_graphql::{Name, Positioned, ServerResult, Value, Variables};
use async_graphql_value::Value as Written;

use crate::graphql::error::refusal;
use crate::service::code::ErrorCode;

/// The variables that have neither a value nor a default. Kept in the request's data.
#[derive(Default)]
pub(in crate::graphql) struct Absent(BTreeSet<Name>);

/// Gives absent variables the defaults that the operation declares, or null if they are nullable, so that every
/// resolver sees a value. Returns the variables that are null for this reason.
///
/// # Errors
/// `BAD_INPUT` for a null in a variable that is not nullable, which async-graphql lets through, and for a
/// required variable without a value, which async-graphql reports only where the variable is used.
pub(in crate::graphql) fn fill_variables(
    variables: &mut Variables,
    definitions: Vec<Positioned<VariableDefinition>>,
) -> ServerResult<Absent> {
    let mut absent = Absent::default();
    for Positioned { node, .. } in definitions {
        let (name, nullable) = (node.name.node, node.var_type.node.nullable);
        match (variables.get(&name), node.default_value) {
            (Some(Value::Null), _) if !nullable => {
                let message = format!("variable `${name}` cannot be null");
                return Err(refusal(ErrorCode::BadInput, message));
            }
            (None, Some(default)) => {
                variables.insert(name, default.node);
            }
            (None, None) if nullable => {
                absent.0.insert(name.clone());
                variables.insert(name, Value::Null);
            }
            (None, None) => {
                let message = format!("variable `${name}` has no value");
                return Err(refusal(ErrorCode::BadInput, message));
            }
            (Some(_), _) => {}
        }
    }
    Ok(absent)
}

/// An argument of the field that is being resolved, without those fields of input objects that are variables
/// without a value. By the GraphQL specification these are absent, too. Taken as null, they would clear columns
/// that the request did not name.
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

/// The recursion is bounded by the brackets of a request.
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
