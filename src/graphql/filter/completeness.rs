//! Checks that every part of a filter has a condition.
//!
//! A part without a condition is what remains when its value was forgotten: a variable without a value arrives
//! as null, and JavaScript omits undefined fields from an object. If such a part were ignored, the filter would
//! admit rows that were not asked for. Only a filter that is empty as a whole, `{}` or `{and: []}`, is taken to
//! mean: no condition.

use async_graphql::Name;
use async_graphql::Value as GraphqlValue;
use async_graphql::indexmap::IndexMap;

use crate::graphql::error::Refusal;

type Fields = IndexMap<Name, GraphqlValue>;

/// Checks a filter of rows. Null means no filter.
///
/// # Errors
/// `BAD_INPUT`, which names the part and the cure.
pub(crate) fn check_complete(filter: &GraphqlValue) -> Result<(), Refusal> {
    match filter {
        GraphqlValue::Object(fields) if !is_empty(fields) => parts(fields),
        // Values that are not filters are reported by the code that reads filters.
        _ => Ok(()),
    }
}

/// Checks the filters of relations. An empty one demands a related row; null is refused, because it has no
/// condition.
///
/// # Errors
/// The same as for [`check_complete`].
pub(crate) fn check_having(having: &GraphqlValue) -> Result<(), Refusal> {
    let GraphqlValue::Object(relations) = having else {
        return Ok(());
    };
    let mut relations = relations.iter();
    relations.try_for_each(|(name, filter)| match filter {
        GraphqlValue::Null => Err(says_nothing(name)),
        filter => check_complete(filter),
    })
}

fn is_empty(filter: &Fields) -> bool {
    let mut parts = filter.iter();
    parts.all(|(name, part)| {
        name == "and" && matches!(part, GraphqlValue::List(all) if all.is_empty())
    })
}

/// The recursion is bounded by the depth to which requests are read.
fn parts(filter: &Fields) -> Result<(), Refusal> {
    filter
        .iter()
        .try_for_each(|(name, part)| match name.as_str() {
            "and" | "or" => match part {
                GraphqlValue::List(all) if all.is_empty() => Err(says_nothing(name)),
                GraphqlValue::List(all) => all.iter().try_for_each(|one| nested(name, one)),
                one => nested(name, one),
            },
            "not" => nested(name, part),
            _ => tests(name, part),
        })
}

fn nested(name: &str, filter: &GraphqlValue) -> Result<(), Refusal> {
    match filter {
        GraphqlValue::Null => Err(says_nothing(name)),
        GraphqlValue::Object(fields) if is_empty(fields) => Err(says_nothing(name)),
        GraphqlValue::Object(fields) => parts(fields),
        _ => Ok(()),
    }
}

/// Checks the tests of one column.
fn tests(field: &str, tests: &GraphqlValue) -> Result<(), Refusal> {
    let tests = match tests {
        GraphqlValue::Null => return Err(says_nothing(field)),
        GraphqlValue::Object(tests) if tests.is_empty() => return Err(says_nothing(field)),
        GraphqlValue::Object(tests) => tests,
        _ => return Ok(()),
    };
    let without_value = tests.iter().find(|(_, operand)| match operand {
        GraphqlValue::List(items) => items.contains(&GraphqlValue::Null),
        operand => *operand == &GraphqlValue::Null,
    });
    match without_value {
        Some((test, _)) => Err(Refusal::bad_input(format!(
            "`{test}` of `{field}` is null, or its variable has no value: nothing compares with null; rows \
             without a value are found by `{field}: {{ is_null: true }}`"
        ))),
        None => Ok(()),
    }
}

fn says_nothing(name: &str) -> Refusal {
    Refusal::bad_input(format!(
        "`{name}` has no condition, or its variable has no value: leave it out, or say what is wanted; rows \
         without a value are found by `is_null: true`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> GraphqlValue {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn what_says_something() {
        for filter in [
            "null",
            "{}",
            r#"{"and":[]}"#,
            r#"{"a":{"eq":1}}"#,
            r#"{"a":{"is_in":[]}}"#,
            r#"{"a":{"is_null":false},"and":[{"b":{"ne":""}}],"or":{"b":{"eq":0}}}"#,
            r#"{"not":{"not":{"a":{"eq":1}}}}"#,
            // These are refused elsewhere.
            r#""a""#,
            r#"{"a":1}"#,
            r#"{"or":["a"]}"#,
        ] {
            check_complete(&read(filter)).expect(filter);
        }
    }

    #[test]
    fn what_does_not() {
        for (filter, named) in [
            (r#"{"a":null}"#, "a"),
            (r#"{"a":{}}"#, "a"),
            (r#"{"a":{"eq":null}}"#, "a"),
            (r#"{"a":{"eq":1,"gt":null}}"#, "gt"),
            (r#"{"a":{"is_null":null}}"#, "is_null"),
            (r#"{"a":{"is_in":null}}"#, "is_in"),
            (r#"{"a":{"is_in":[1,null]}}"#, "is_in"),
            (r#"{"a":{"between":[null,1]}}"#, "between"),
            (r#"{"and":null}"#, "and"),
            (r#"{"or":null}"#, "or"),
            (r#"{"or":[]}"#, "or"),
            (r#"{"or":[{}]}"#, "or"),
            (r#"{"or":[null,{"a":{"eq":1}}]}"#, "or"),
            (r#"{"or":{}}"#, "or"),
            (r#"{"and":[{}]}"#, "and"),
            (r#"{"and":[{"and":[]}]}"#, "and"),
            (r#"{"and":[],"a":{"eq":1}}"#, "and"),
            (r#"{"not":{}}"#, "not"),
            (r#"{"not":null,"a":{"eq":1}}"#, "not"),
            (r#"{"not":{"or":[{"a":{"eq":null}}]}}"#, "a"),
        ] {
            let refused = check_complete(&read(filter)).expect_err(filter).message;
            assert!(
                refused.contains(&format!("`{named}`")),
                "{filter}: {refused}"
            );
            assert!(refused.contains("is_null"), "{filter}: {refused}");
        }
        for having in [r#"{"task":null}"#, r#"{"task":{"a":{"eq":null}}}"#] {
            check_having(&read(having)).expect_err(having);
        }
        for having in ["null", "{}", r#"{"task":{}}"#, r#"{"task":{"a":{"eq":1}}}"#] {
            check_having(&read(having)).expect(having);
        }
    }
}
