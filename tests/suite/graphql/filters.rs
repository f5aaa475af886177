//! Filters: each operation on each kind of column, and the same filter at every place that takes
//! one: a query, a relation, `having`, an update.

pub mod beyond;
pub mod combined;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, PROJECTS, TASKS};

seachange_testkit::cases![
    text,
    text_patterns,
    numbers,
    booleans,
    decimals,
    dates,
    times,
    keys,
    enumerations,
];

/// Tasks whose titles name them; the rest as given.
async fn tasks(client: &Client, rows: &[(&str, Json)]) -> anyhow::Result<String> {
    let project = given::project(client, "Ship").await?;
    let rows: Vec<Json> = rows
        .iter()
        .map(|(title, values)| {
            let mut row = values.clone();
            row["title"] = json!(title);
            row["projectId"] = json!(project);
            row
        })
        .collect();
    TASKS.create_all(client, json!(rows)).await?;
    Ok(project)
}

/// Titles of the tasks that a filter finds, sorted.
async fn found(client: &Client, filter: &Json) -> anyhow::Result<String> {
    let rows = TASKS.find(client, json!({ "filters": filter })).await?;
    let mut titles: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["title"].as_str())
        .collect();
    titles.sort_unstable();
    Ok(titles.concat())
}

/// Checks the titles that each filter of a column finds.
async fn check(client: &Client, field: &str, cases: Vec<(Json, &str)>) -> Outcome {
    for (test, expected) in cases {
        let filter = json!({ field: test });
        assert_eq!(found(client, &filter).await?, expected, "{filter}");
    }
    Ok(())
}

async fn text(server: &TestServer) -> Outcome {
    let client = server.client();
    let owner = |text: &str| json!({ "owner": text });
    tasks(
        &client,
        &[
            ("A", owner("x")),
            ("B", owner("X")),
            ("C", owner("y ")),
            ("D", owner("")),
            ("E", json!({})),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "eq": "x" }), "A"),
        (json!({ "eq": "" }), "D"),
        (json!({ "eq": "y" }), ""),
        (json!({ "eq": "y " }), "C"),
        (json!({ "ne": "x" }), "BCD"),
        (json!({ "is_in": ["x", "", "z"] }), "AD"),
        (json!({ "is_in": [] }), ""),
        (json!({ "is_not_in": ["x", ""] }), "BC"),
        (json!({ "is_not_in": [] }), "ABCDE"),
        (json!({ "is_in": "x" }), "A"),
        (json!({ "is_null": true }), "E"),
        (json!({ "is_null": false }), "ABCD"),
        (json!({ "ci_eq": "X" }), "AB"),
        (
            json!({ "ne": "x", "is_null": false, "is_not_in": ["X"] }),
            "CD",
        ),
    ];
    check(&client, "owner", cases).await
}

async fn text_patterns(server: &TestServer) -> Outcome {
    let client = server.client();
    let owner = |text: &str| json!({ "owner": text });
    tasks(
        &client,
        &[
            ("A", owner("100% sure")),
            ("B", owner("100 percent")),
            ("C", owner("a_b")),
            ("D", owner("aXb!")),
            ("E", owner("back\\slash")),
            ("F", owner("it's")),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "contains": "0" }), "AB"),
        (json!({ "contains": "0%" }), "A"),
        (json!({ "contains": "_" }), "C"),
        (json!({ "contains": "!" }), "D"),
        (json!({ "contains": "\\" }), "E"),
        (json!({ "contains": "'" }), "F"),
        (json!({ "contains": "" }), "ABCDEF"),
        (json!({ "starts_with": "100%" }), "A"),
        (json!({ "starts_with": "a_" }), "C"),
        (json!({ "ends_with": "_b" }), "C"),
        (json!({ "ends_with": "b!" }), "D"),
        (json!({ "like": "a_b%" }), "CD"),
        (json!({ "like": "100%" }), "AB"),
        (json!({ "not_like": "100%" }), "CDEF"),
    ];
    check(&client, "owner", cases).await
}

async fn numbers(server: &TestServer) -> Outcome {
    let client = server.client();
    let priority = |number: i32| json!({ "priority": number });
    tasks(
        &client,
        &[
            ("A", priority(i32::MIN)),
            ("B", priority(-1)),
            ("C", priority(0)),
            ("D", priority(i32::MAX)),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "eq": 0 }), "C"),
        (json!({ "ne": 0 }), "ABD"),
        (json!({ "gt": -1 }), "CD"),
        (json!({ "gte": -1 }), "BCD"),
        (json!({ "lt": 0 }), "AB"),
        (json!({ "lte": 0 }), "ABC"),
        (json!({ "is_in": [0, i32::MAX] }), "CD"),
        (json!({ "is_not_in": [0, i32::MAX] }), "AB"),
        (json!({ "between": [-1, 0] }), "BC"),
        (json!({ "between": [0, -1] }), ""),
        (json!({ "not_between": [-1, 0] }), "AD"),
        (json!({ "is_null": true }), ""),
        (json!({ "is_null": false }), "ABCD"),
        (json!({ "gt": -1, "lt": 1 }), "C"),
    ];
    check(&client, "priority", cases).await
}

async fn booleans(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = json!([{ "name": "A", "archived": true }, { "name": "B" }]);
    PROJECTS.create_all(&client, rows).await?;
    for (test, expected) in [
        (json!({ "eq": true }), "A"),
        (json!({ "ne": true }), "B"),
        (json!({ "gt": false }), "A"),
        (json!({ "gte": false }), "AB"),
        (json!({ "lt": true }), "B"),
        (json!({ "lte": false }), "B"),
        (json!({ "is_in": [true, false] }), "AB"),
        (json!({ "is_not_in": [true] }), "B"),
        (json!({ "is_null": true }), ""),
    ] {
        let arguments = json!({ "filters": { "archived": test }, "orderBy": { "name": "ASC" } });
        let rows = PROJECTS.find(&client, arguments).await?;
        let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names.concat(), expected, "{test}");
    }
    Ok(())
}

async fn decimals(server: &TestServer) -> Outcome {
    let client = server.client();
    let estimate = |text: &str| json!({ "estimate": text });
    tasks(
        &client,
        &[
            ("A", estimate("-1.50")),
            ("B", estimate("2")),
            ("C", estimate("10.05")),
            ("D", json!({})),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "eq": "2.00" }), "B"),
        (json!({ "eq": "2" }), "B"),
        (json!({ "ne": "2" }), "AC"),
        (json!({ "gt": "2" }), "C"),
        (json!({ "gte": "2.0" }), "BC"),
        (json!({ "lt": "10.05" }), "AB"),
        (json!({ "lte": "10.05" }), "ABC"),
        (json!({ "is_in": ["2.00", "-1.5"] }), "AB"),
        (json!({ "is_not_in": ["2.00"] }), "AC"),
        (json!({ "between": ["-2", "2"] }), "AB"),
        (json!({ "not_between": ["-2", "2"] }), "C"),
        (json!({ "is_null": true }), "D"),
    ];
    check(&client, "estimate", cases).await
}

async fn dates(server: &TestServer) -> Outcome {
    let client = server.client();
    let due = |text: &str| json!({ "dueOn": text });
    tasks(
        &client,
        &[
            ("A", due("1969-12-31")),
            ("B", due("2024-02-29")),
            ("C", due("9999-12-31")),
            ("D", json!({})),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "eq": "2024-02-29" }), "B"),
        (json!({ "ne": "2024-02-29" }), "AC"),
        (json!({ "gt": "2024-02-28" }), "BC"),
        (json!({ "lte": "2024-02-29" }), "AB"),
        (json!({ "between": ["1900-01-01", "2024-03-01"] }), "AB"),
        (json!({ "is_in": ["9999-12-31"] }), "C"),
        (json!({ "is_null": true }), "D"),
    ];
    check(&client, "dueOn", cases).await
}

async fn times(server: &TestServer) -> Outcome {
    let client = server.client();
    tasks(&client, &[("A", json!({}))]).await?;
    let row = TASKS.find(&client, json!({})).await?.remove(0);
    let at = given::text(&row["createdAt"])?;
    let zoned = chrono::DateTime::parse_from_rfc3339(&at)?;
    let shifted = zoned.with_timezone(&chrono::FixedOffset::east_opt(5400).expect("an offset"));
    let later = (zoned + chrono::TimeDelta::microseconds(1)).to_rfc3339();
    let cases = vec![
        (json!({ "eq": at }), "A"),
        (json!({ "eq": shifted.to_rfc3339() }), "A"),
        (json!({ "ne": at }), ""),
        (json!({ "lt": later }), "A"),
        (json!({ "gte": later }), ""),
        (json!({ "between": [at, later] }), "A"),
        (json!({ "gt": "2000-01-01T00:00:00Z" }), "A"),
    ];
    check(&client, "createdAt", cases).await
}

async fn keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = tasks(&client, &[("A", json!({})), ("B", json!({}))]).await?;
    let rows = TASKS
        .find(&client, json!({ "orderBy": { "title": "ASC" } }))
        .await?;
    let (a, b) = (&rows[0]["id"], &rows[1]["id"]);
    let upper = given::text(a)?.to_uppercase();
    let cases = vec![
        (json!({ "eq": a }), "A"),
        (json!({ "eq": upper }), "A"),
        (json!({ "ne": a }), "B"),
        (json!({ "gt": a }), "B"),
        (json!({ "lt": b }), "A"),
        (json!({ "is_in": [a, b] }), "AB"),
        (json!({ "is_not_in": [a] }), "B"),
        (json!({ "between": [a, b] }), "AB"),
    ];
    check(&client, "id", cases).await?;
    check(&client, "projectId", vec![(json!({ "eq": project }), "AB")]).await
}

async fn enumerations(server: &TestServer) -> Outcome {
    let client = server.client();
    let status = |text: &str| json!({ "status": text });
    tasks(
        &client,
        &[
            ("A", status("todo")),
            ("B", status("doing")),
            ("C", status("done")),
        ],
    )
    .await?;
    let cases = vec![
        (json!({ "eq": "todo" }), "A"),
        (json!({ "ne": "todo" }), "BC"),
        (json!({ "is_in": ["todo", "done"] }), "AC"),
        (json!({ "is_not_in": ["todo", "done"] }), "B"),
        (json!({ "is_null": true }), ""),
    ];
    check(&client, "status", cases).await
}
