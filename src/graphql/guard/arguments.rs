//! The arguments of a relation, put into the form that Seaography reads as the fields of `Query`
//! read theirs: a null is an absent argument, a single value is a list of one.

use async_graphql::{ServerResult, Value};

use crate::graphql::error::{ErrorCode, refusal};

/// The filter, of which each part has been seen to say something; `None` if it is empty as a whole.
pub(super) fn filter(filter: Value) -> Option<Value> {
    let fields = match filter {
        Value::Null => return None,
        Value::Object(fields) => fields,
        // No filter: for validation to refuse.
        other => return Some(other),
    };
    let mut said = async_graphql::indexmap::IndexMap::new();
    for (name, value) in fields {
        let part = match name.as_str() {
            "and" => some_list(list(value).into_iter().filter_map(self::filter).collect()),
            "or" => list(value)
                .into_iter()
                .map(self::filter)
                .collect::<Option<Vec<Value>>>()
                .and_then(some_list),
            "not" => self::filter(value),
            _ => without_nulls(value),
        };
        if let Some(part) = part {
            said.insert(name, part);
        }
    }
    (!said.is_empty()).then_some(Value::Object(said))
}

/// The relations' filters without what says nothing.
pub(super) fn having(having: Value) -> Option<Value> {
    match having {
        Value::Null => None,
        Value::Object(relations) => {
            let said = relations
                .into_iter()
                .filter_map(|(name, value)| Some((name, filter(value)?)));
            Some(Value::Object(said.collect()))
        }
        other => Some(other),
    }
}

/// The order without nulls.
pub(super) fn order(order: Value) -> Option<Value> {
    without_nulls(order)
}

/// The pagination, unless it is out of range.
///
/// # Errors
/// `BAD_INPUT` and `LIMIT_EXCEEDED`. Cursors are refused: Seaography pages a relation in memory,
/// by the text of its keys and in no certain order, and would leave rows out.
pub(super) fn pagination(pagination: Value, page_rows: u64) -> ServerResult<Option<Value>> {
    let Value::Object(parts) = &pagination else {
        return Ok((pagination != Value::Null).then_some(pagination));
    };
    for (name, part) in parts {
        let Value::Object(part) = part else { continue };
        let number = |name: &str| match part.get(name) {
            Some(Value::Number(number)) => number.as_i128(),
            _ => None,
        };
        let limit = number("limit").unwrap_or(1);
        if limit < 1 {
            return Err(refusal(ErrorCode::BadInput, "a page has at least one row"));
        }
        if limit > i128::from(page_rows) {
            let message = format!("a page has at most {page_rows} rows");
            return Err(refusal(ErrorCode::LimitExceeded, message));
        }
        let start = number("offset").or(number("page")).unwrap_or(0);
        if start < 0 || start * limit > i128::from(i64::MAX / 2) {
            return Err(refusal(ErrorCode::BadInput, "pagination out of range"));
        }
        if name == "cursor" {
            let message = "no cursors inside a relation: use page or offset there";
            return Err(refusal(ErrorCode::BadInput, message));
        }
    }
    Ok(Some(pagination))
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        single => vec![single],
    }
}

fn some_list(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::List(items))
}

/// The object without its nulls; `None` if it is empty then.
fn without_nulls(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(mut fields) => {
            fields.retain(|_, value| *value != Value::Null);
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}
