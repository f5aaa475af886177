//! Checks of a request before it runs: what would otherwise reach Seaography's own resolvers for
//! relations, where some values panic, and nesting deep enough to hurt the parser.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery};
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Positioned, ServerError, ServerResult, Value, Variables};

use super::error::{ErrorCode, refusal};

/// Brackets that a request may nest: far above `query_depth`, far below what overflows a stack.
const BRACKETS: usize = 200;

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

/// Checks pagination and ranges on every field, relations included.
pub(super) struct ArgumentGuard {
    pub(super) page_rows: u64,
}

impl ExtensionFactory for ArgumentGuard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { ..*self })
    }
}

#[async_trait::async_trait]
impl Extension for ArgumentGuard {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        let operations = document.operations.iter().map(|(_, operation)| &operation.node);
        for operation in operations {
            self.check_set(&operation.selection_set.node, variables)?;
        }
        for fragment in document.fragments.values() {
            self.check_set(&fragment.node.selection_set.node, variables)?;
        }
        Ok(document)
    }
}

impl ArgumentGuard {
    /// Recursion is bounded by the parser's own limit on depth.
    fn check_set(&self, set: &SelectionSet, variables: &Variables) -> ServerResult<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    self.check_field(&field.node, variables)?;
                    self.check_set(&field.node.selection_set.node, variables)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.check_set(&fragment.node.selection_set.node, variables)?;
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn check_field(&self, field: &Field, variables: &Variables) -> ServerResult<()> {
        for (name, value) in &field.arguments {
            let Some(value) = resolve(value, variables) else {
                continue;
            };
            match name.node.as_str() {
                "pagination" => self.check_pagination(&value)?,
                "filters" | "filter" | "having" => check_ranges(&value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn check_pagination(&self, value: &Value) -> ServerResult<()> {
        let Value::Object(parts) = value else {
            return Ok(());
        };
        for part in parts.values() {
            let Value::Object(part) = part else { continue };
            let number = |name: &str| match part.get(name) {
                Some(Value::Number(number)) => number.as_i64(),
                _ => None,
            };
            let limit = number("limit").unwrap_or(1);
            if limit < 1 {
                return Err(bad("a page has at least one row"));
            }
            if u64::try_from(limit).is_ok_and(|limit| limit > self.page_rows) {
                return Err(refusal(
                    ErrorCode::LimitExceeded,
                    format!("a page has at most {} rows", self.page_rows),
                ));
            }
            let start = number("offset").or(number("page")).unwrap_or(0);
            if start < 0 || start.checked_mul(limit).is_none_or(|end| end > i64::MAX / 2) {
                return Err(bad("pagination out of range"));
            }
        }
        Ok(())
    }
}

/// Seaography indexes the two ends of a range without looking.
fn check_ranges(value: &Value) -> ServerResult<()> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match value {
            Value::List(ends) if matches!(name.as_str(), "between" | "not_between") => {
                if ends.len() == 2 {
                    Ok(())
                } else {
                    Err(bad("a range takes two values"))
                }
            }
            Value::List(_) | Value::Object(_) => check_ranges(value),
            _ if matches!(name.as_str(), "between" | "not_between") && *value != Value::Null => {
                Err(bad("a range takes two values"))
            }
            _ => Ok(()),
        }),
        Value::List(items) => items.iter().try_for_each(check_ranges),
        _ => Ok(()),
    }
}

fn bad(message: &str) -> ServerError {
    refusal(ErrorCode::BadInput, message)
}

/// The argument with its variables filled in; `None` if one is missing, which validation reports.
fn resolve(
    value: &Positioned<async_graphql_value::Value>,
    variables: &Variables,
) -> Option<Value> {
    value
        .node
        .clone()
        .into_const_with(|name| variables.get(&name).cloned().ok_or(()))
        .ok()
}
