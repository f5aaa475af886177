//! Filters put together, and the same filter at every place that takes one.

use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::{found, tasks};
use crate::graphql::given::{self, PROJECTS};

seachange_testkit::cases![combined, the_same_at_every_place,];

async fn combined(server: &TestServer) -> Outcome {
    let client = server.client();
    let row = |priority: i32, owner: Option<&str>| json!({ "priority": priority, "owner": owner });
    tasks(
        &client,
        &[
            ("A", row(1, Some("x"))),
            ("B", row(2, Some("x"))),
            ("C", row(1, None)),
            ("D", row(2, None)),
        ],
    )
    .await?;
    let (one, x) = (
        json!({ "priority": { "eq": 1 } }),
        json!({ "owner": { "eq": "x" } }),
    );
    for (filter, expected) in [
        (json!({ "and": [one, x] }), "A"),
        (json!({ "or": [one, x] }), "ABC"),
        (json!({ "not": one }), "BD"),
        // A comparison with null is unknown, and so is its opposite.
        (json!({ "not": x }), ""),
        (json!({ "not": { "and": [one, x] } }), "BD"),
        (json!({ "not": { "or": [one, x] } }), ""),
        (
            json!({ "priority": { "eq": 1 }, "not": { "title": { "eq": "A" } } }),
            "C",
        ),
        (
            json!({ "or": [one, { "not": { "title": { "is_in": ["A", "B"] } } }] }),
            "ACD",
        ),
        (
            json!({ "and": [{ "or": [one, x] }, { "not": { "title": { "eq": "C" } } }] }),
            "AB",
        ),
        (json!({ "and": [] }), "ABCD"),
        (json!({}), "ABCD"),
    ] {
        assert_eq!(found(&client, &filter).await?, expected, "{filter}");
    }
    Ok(())
}

async fn the_same_at_every_place(server: &TestServer) -> Outcome {
    let client = server.client();
    let row = |owner: &str, priority: i32| json!({ "owner": owner, "priority": priority });
    tasks(
        &client,
        &[
            ("A", row("100%", 0)),
            ("B", row("100 x", 1)),
            ("C", json!({})),
            ("D", row("a_b", 3)),
        ],
    )
    .await?;
    let one = json!({ "priority": { "eq": 1 } });
    for filter in [
        json!({ "owner": { "contains": "%" } }),
        json!({ "owner": { "starts_with": "a_" } }),
        json!({ "owner": { "ends_with": "%" } }),
        json!({ "owner": { "like": "a_b" } }),
        json!({ "owner": { "ci_eq": "A_B" } }),
        json!({ "owner": { "is_null": true } }),
        json!({ "owner": { "is_null": false } }),
        json!({ "owner": { "is_in": [] } }),
        json!({ "owner": { "is_not_in": ["a_b"] } }),
        json!({ "owner": { "is_in": "a_b" } }),
        json!({ "priority": { "between": [0, 1] } }),
        json!({ "priority": { "not_between": [0, 1] } }),
        json!({ "or": one }),
        json!({ "not": one }),
        json!({ "and": [one, { "not": { "owner": { "eq": "z" } } }] }),
        json!({ "id": { "ne": "00000000-0000-0000-0000-000000000000" } }),
        json!({ "status": { "eq": "todo" }, "title": { "gt": "A" } }),
    ] {
        let expected = found(&client, &filter).await?;
        let query = "query($f: TaskFilterInput) { project { nodes { task(filters: $f) { nodes { title } } } } }";
        let data = client.data(query, json!({ "f": filter })).await?;
        let nodes = given::list(data["project"]["nodes"][0]["task"]["nodes"].clone())?;
        let mut titles: Vec<&str> = nodes
            .iter()
            .filter_map(|row| row["title"].as_str())
            .collect();
        titles.sort_unstable();
        assert_eq!(titles.concat(), expected, "{filter} in a relation");
        let having = PROJECTS
            .find(&client, json!({ "having": { "task": filter } }))
            .await?;
        assert_eq!(
            having.len(),
            usize::from(!expected.is_empty()),
            "{filter} in having"
        );
    }
    Ok(())
}
