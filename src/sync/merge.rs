//! Merging a row by column.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use seachange_changelog::Image;
use serde_json::Value as Json;

use super::policy::Rule;
use super::state::State;

/// What merging gives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Merged {
    /// What is written to the stored row.
    pub(super) row: Image,
    /// Columns that both sides changed and that have no rule.
    pub(super) clashes: Vec<String>,
}

/// Merges rows of which none is deleted, in the columns that the client knows: those of `client`.
pub(super) fn merge(
    rules: &BTreeMap<&'static str, Rule>,
    assumed: Option<&State>,
    server: &State,
    client: &State,
) -> Merged {
    let mut merged = Merged::default();
    for (column, ours) in &client.row {
        let before = assumed.map_or(&Json::Null, |assumed| assumed.value(column));
        let theirs = server.value(column);
        let value = if ours == before || ours == theirs {
            theirs.clone()
        } else if theirs == before {
            ours.clone()
        } else if let Some(rule) = rules.get(column.as_str()) {
            apply(*rule, before, theirs, ours)
        } else {
            merged.clashes.push(column.clone());
            continue;
        };
        merged.row.insert(column.clone(), value);
    }
    merged
}

fn apply(rule: Rule, before: &Json, server: &Json, client: &Json) -> Json {
    let client_is = order(client, server);
    match rule {
        Rule::Server => server.clone(),
        Rule::Client => client.clone(),
        Rule::Greatest if client_is == Ordering::Greater => client.clone(),
        Rule::Least if client_is == Ordering::Less => client.clone(),
        Rule::Greatest | Rule::Least => server.clone(),
        Rule::By(resolve) => resolve(before, server, client),
    }
}

/// Orders numbers by value, including those that images write as texts, and everything else by its
/// text. Null comes first.
pub(super) fn order(a: &Json, b: &Json) -> Ordering {
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (a, b) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Null, _) => Ordering::Less,
        (_, Json::Null) => Ordering::Greater,
        _ => {
            let (a, b) = (text(a), text(b));
            let whole = (a.parse::<i128>(), b.parse::<i128>());
            if let (Ok(a), Ok(b)) = whole {
                return a.cmp(&b);
            }
            match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(x), Ok(y)) => x.total_cmp(&y),
                _ => a.cmp(&b),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        for (less, greater) in [
            (json!(null), json!(-1)),
            (json!(9), json!(10)),
            (json!("9"), json!("10")),
            (json!("-2.50"), json!("-2.25")),
            (json!("9223372036854775806"), json!("9223372036854775807")),
            (
                json!("2026-01-01T00:00:00.000000Z"),
                json!("2026-01-01T00:00:00.000001Z"),
            ),
            (json!("a"), json!("b")),
        ] {
            assert_eq!(order(&less, &greater), Ordering::Less, "{less} {greater}");
            assert_eq!(
                order(&greater, &less),
                Ordering::Greater,
                "{less} {greater}"
            );
        }
    }

    fn rows() -> impl Strategy<Value = State> {
        let value = prop_oneof![Just(json!(null)), (0..3).prop_map(|n| json!(n))];
        prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), value, 3)
            .prop_map(|row| {
                row.into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
            })
            .prop_map(|row| State::present(row.collect()))
    }

    proptest! {
        /// Each column has the value of the side that changed it. A column that both changed to
        /// different values is reported as a clash.
        #[test]
        fn each_side_keeps_what_it_changed(before in rows(), server in rows(), client in rows()) {
            let merged = merge(&BTreeMap::new(), Some(&before), &server, &client);
            for column in ["a", "b", "c"] {
                let (b, s, c) = (before.value(column), server.value(column), client.value(column));
                if s != b && c != b && s != c {
                    prop_assert!(merged.clashes.iter().any(|clash| clash == column));
                } else {
                    let wanted = if c == b { s } else { c };
                    prop_assert_eq!(merged.row.get(column), Some(wanted));
                }
            }
        }

        /// The result is the same whichever edit arrives first.
        #[test]
        fn the_order_does_not_matter(before in rows(), one in rows(), other in rows()) {
            let rules = BTreeMap::from([("a", Rule::Greatest), ("b", Rule::Least), ("c", Rule::Greatest)]);
            let this = merge(&rules, Some(&before), &one, &other);
            let that = merge(&rules, Some(&before), &other, &one);
            prop_assert_eq!(this, that);
        }
    }
}
