//! How large a filter may be, so that every database accepts it in one SQL statement.

use async_graphql::Value as GraphqlValue;

use crate::graphql::error::Refusal;

/// Most objects in a filter, about two for each test. Conditions nest inside one another in SQL:
/// SQLite accepts 1,000 levels, and writing out tens of thousands overflows the stack.
const OBJECTS: usize = 1_000;

/// Most values in a filter. A statement binds up to 32,766 on SQLite, shared by two filters and a
/// page.
const VALUES: usize = 10_000;

/// Checks the size of a filter before it is read.
///
/// # Errors
/// `LIMIT_EXCEEDED`.
pub(crate) fn check_size(filter: &GraphqlValue) -> Result<(), Refusal> {
    let mut size = Size::default();
    size.add(filter);
    if size.objects > OBJECTS {
        return Err(Refusal::limit(format!(
            "a filter has at most {} conditions",
            OBJECTS / 2
        )));
    }
    if size.values > VALUES {
        return Err(Refusal::limit(format!(
            "a filter has at most {VALUES} values"
        )));
    }
    Ok(())
}

#[derive(Default)]
struct Size {
    objects: usize,
    values: usize,
}

impl Size {
    /// The recursion is bounded by the depth to which requests are read.
    fn add(&mut self, value: &GraphqlValue) {
        match value {
            GraphqlValue::Object(fields) => {
                self.objects += 1;
                fields.values().for_each(|field| self.add(field));
            }
            GraphqlValue::List(items) => items.iter().for_each(|item| self.add(item)),
            _ => self.values += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;

    fn filter(json: &str) -> Value {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn bounds() {
        let tests = |count: usize| {
            let tests = vec![r#"{"a":{"eq":1}}"#; count].join(",");
            filter(&format!(r#"{{"or":[{tests}]}}"#))
        };
        let values = |count: usize| {
            let values = vec!["1"; count].join(",");
            filter(&format!(r#"{{"a":{{"is_in":[{values}]}}}}"#))
        };
        for (filter, fits) in [
            (filter("null"), true),
            (tests(499), true),
            (tests(500), false),
            (values(10_000), true),
            (values(10_001), false),
        ] {
            assert_eq!(check_size(&filter).is_ok(), fits);
        }
    }
}
