//! Reads a `…FilterInput` into a predicate.

use async_graphql::Value as GraphqlValue;
use sea_orm::{DbBackend, Value};
use seachange_changelog::internal::image;

use crate::graphql::error::Refusal;
use crate::graphql::scalar;
use crate::service::entity::{ColumnInfo, EntityInfo};
use crate::service::filter::{Comparison, Operand, Pattern, Predicate, Test};

/// Longest pattern, in bytes. Written out with escapes it stays under the 50,000 bytes that SQLite
/// accepts.
const PATTERN_BYTES: usize = 20_000;

/// The filter's predicate; `None` if it is empty as a whole (null, `{}`, `{and: []}`).
///
/// # Errors
/// `BAD_INPUT` for a value that does not have its column's type or that this database does not know, and for a part
/// without a condition; `LIMIT_EXCEEDED` for a filter that is too large.
pub(crate) fn parse(
    entity: &EntityInfo,
    filter: &GraphqlValue,
    backend: DbBackend,
) -> Result<Option<Predicate>, Refusal> {
    super::check_size(filter)?;
    super::check_complete(filter)?;
    let predicate = read(entity, filter)?;
    if let Some(predicate) = &predicate {
        predicate.check_values(backend)?;
    }
    Ok(predicate)
}

fn read(entity: &EntityInfo, filter: &GraphqlValue) -> Result<Option<Predicate>, Refusal> {
    let fields = match filter {
        GraphqlValue::Null => return Ok(None),
        GraphqlValue::Object(fields) => fields,
        _ => return Err(Refusal::bad_input("a filter is an object")),
    };
    let mut all = Vec::new();
    for (name, value) in fields {
        let predicate = match name.as_str() {
            "and" => combine(
                list(entity, value)?.into_iter().flatten().collect(),
                Predicate::All,
            ),
            "or" => combine(
                list(entity, value)?.into_iter().flatten().collect(),
                Predicate::Any,
            ),
            "not" => read(entity, value)?.map(|inner| Predicate::Not(Box::new(inner))),
            field => {
                let column = entity
                    .by_field(field)
                    .ok_or_else(|| Refusal::bad_input(format!("unknown field `{field}`")))?;
                parse_column(column, value)?
            }
        };
        all.extend(predicate);
    }
    Ok(combine(all, Predicate::All))
}

/// The predicate of one column's filter; `None` if it yields no condition.
///
/// # Errors
/// The same as for [`parse`].
pub(crate) fn parse_column(
    column: &ColumnInfo,
    filter: &GraphqlValue,
) -> Result<Option<Predicate>, Refusal> {
    Ok(combine(tests(column, filter)?, Predicate::All))
}

fn combine(
    mut parts: Vec<Predicate>,
    join: impl FnOnce(Vec<Predicate>) -> Predicate,
) -> Option<Predicate> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(join(parts)),
    }
}

/// The predicates of a list.
fn list(entity: &EntityInfo, value: &GraphqlValue) -> Result<Vec<Option<Predicate>>, Refusal> {
    match value {
        GraphqlValue::Null => Ok(Vec::new()),
        GraphqlValue::List(items) => items.iter().map(|item| read(entity, item)).collect(),
        single => Ok(vec![read(entity, single)?]),
    }
}

fn tests(column: &ColumnInfo, filter: &GraphqlValue) -> Result<Vec<Predicate>, Refusal> {
    let operations = match filter {
        GraphqlValue::Object(operations) => operations,
        _ => {
            return Err(Refusal::bad_input(format!(
                "filter on `{}` is an object",
                column.field
            )));
        }
    };
    let mut tests = Vec::new();
    for (operation, value) in operations {
        tests.push(Predicate::Test {
            column: column.name,
            test: test(column, operation, value)?,
        });
    }
    Ok(tests)
}

fn test(column: &ColumnInfo, operation: &str, value: &GraphqlValue) -> Result<Test, Refusal> {
    let compare = |how| Ok(Test::Compare(how, operand(column, value)?));
    let text = |pattern| match value {
        GraphqlValue::String(text) if text.len() > PATTERN_BYTES => Err(Refusal::limit(format!(
            "a pattern has at most {PATTERN_BYTES} bytes: `{operation}`"
        ))),
        GraphqlValue::String(text) => Ok(Test::Text(pattern, text.clone())),
        _ => Err(Refusal::bad_input(format!("`{operation}` takes text"))),
    };
    match operation {
        "eq" => compare(Comparison::Eq),
        "ne" => compare(Comparison::Ne),
        "gt" => compare(Comparison::Gt),
        "gte" => compare(Comparison::Gte),
        "lt" => compare(Comparison::Lt),
        "lte" => compare(Comparison::Lte),
        "is_in" => Ok(Test::In(operands(column, value)?)),
        "is_not_in" => Ok(Test::NotIn(operands(column, value)?)),
        "is_null" => match value {
            GraphqlValue::Boolean(true) => Ok(Test::IsNull),
            GraphqlValue::Boolean(false) => Ok(Test::IsNotNull),
            _ => Err(Refusal::bad_input("`is_null` is true or false")),
        },
        "between" => pair(column, operation, value).map(|(low, high)| Test::Between(low, high)),
        "not_between" => {
            pair(column, operation, value).map(|(low, high)| Test::NotBetween(low, high))
        }
        "ci_eq" => text(Pattern::EqualIgnoringCase),
        "contains" => text(Pattern::Contains),
        "starts_with" => text(Pattern::StartsWith),
        "ends_with" => text(Pattern::EndsWith),
        "like" => text(Pattern::Like),
        "not_like" => text(Pattern::NotLike),
        other => Err(Refusal::bad_input(format!(
            "unknown filter operation `{other}`"
        ))),
    }
}

fn operand(column: &ColumnInfo, value: &GraphqlValue) -> Result<Operand, Refusal> {
    if matches!(value, GraphqlValue::Null) {
        let field = &column.field;
        return Err(Refusal::bad_input(format!(
            "nothing compares with null; rows without a value are found by `{field}: {{ is_null: true }}`"
        )));
    }
    let value: Value = scalar::from_graphql(column, value)?;
    let image = image::encode(&column.ty, &value)?;
    Ok(Operand { value, image })
}

fn operands(column: &ColumnInfo, value: &GraphqlValue) -> Result<Vec<Operand>, Refusal> {
    match value {
        GraphqlValue::List(items) => items.iter().map(|item| operand(column, item)).collect(),
        single => Ok(vec![operand(column, single)?]),
    }
}

fn pair(
    column: &ColumnInfo,
    operation: &str,
    value: &GraphqlValue,
) -> Result<(Operand, Operand), Refusal> {
    match <[Operand; 2]>::try_from(operands(column, value)?) {
        Ok([low, high]) => Ok((low, high)),
        Err(_) => Err(Refusal::bad_input(format!(
            "`{operation}` takes two values"
        ))),
    }
}
