//! Values at the edge of what databases know: a filter with one is refused or means what it says, and never
//! widens what is found or written.

use sea_orm::{ConnectionTrait, DbBackend};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{found, tasks};
use crate::graphql::given::{self, TASKS};

seachange_testkit::cases![
    times_that_no_row_has,
    a_row_as_of_a_leap_second,
    texts_with_nul,
    written_patterns_with_nul,
];

/// A filter of tasks, and the titles that it finds where it is understood. There is one task, `A`.
fn filters_of_times() -> Vec<(Json, &'static str)> {
    let before_all = [
        ("dueOn", "-0001-01-01"),
        ("dueOn", "-12026-01-01"),
        ("createdAt", "-0001-01-01T00:00:00Z"),
        ("createdAt", "0000-01-01T00:00:00+14:00"),
        ("createdAt", "2016-12-31T23:59:60Z"),
    ];
    let after_all = [
        ("dueOn", "+12026-01-01"),
        ("createdAt", "9999-12-31T23:59:59-12:00"),
        ("createdAt", "+10000-01-01T00:00:00Z"),
        ("createdAt", "+262000-01-01T00:00:00Z"),
    ];
    let before_all = before_all.map(|(field, value)| (field, value, "A", ""));
    let after_all = after_all.map(|(field, value)| (field, value, "", "A"));
    let all = before_all.into_iter().chain(after_all);
    all.flat_map(|(field, value, greater, less)| {
        [
            (json!({ field: { "gt": value } }), greater),
            (json!({ field: { "lt": value } }), less),
            (json!({ field: { "eq": value } }), ""),
            (json!({ field: { "is_in": [value] } }), ""),
            (json!({ "not": { field: { "gte": value } } }), less),
        ]
    })
    .collect()
}

async fn times_that_no_row_has(server: &TestServer) -> Outcome {
    let client = server.client();
    tasks(&client, &[("A", json!({ "dueOn": "2024-02-29" }))]).await?;
    for (filter, expected) in filters_of_times() {
        let answer = client
            .send(&TASKS.query(), json!({ "filters": filter }))
            .await?;
        match answer.code().ok() {
            Some(code) => assert_eq!(code, "BAD_INPUT", "{filter}"),
            None => assert_eq!(found(&client, &filter).await?, expected, "{filter}"),
        }
        if !expected.is_empty() {
            continue;
        }
        let deleting = client
            .send(&TASKS.delete(), json!({ "filter": filter }))
            .await?;
        match deleting.code().ok() {
            Some(code) => assert_eq!(code, "BAD_INPUT", "{filter}"),
            None => assert_eq!(deleting.data()?["count"], 0, "{filter}"),
        }
    }
    // More requests than a pool has connections: each would have taken one with it.
    assert_eq!(found(&client, &json!({})).await?, "A");
    Ok(())
}

async fn a_row_as_of_a_leap_second(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = given::task(&client, "A").await?;
    let query =
        "query($key: Json!, $time: String) { row: taskAsOf(key: $key, time: $time) { title } }";
    for (time, expected) in [
        ("2016-12-31T23:59:60Z", json!(null)),
        ("9998-12-31T23:59:60Z", json!({ "title": "A" })),
    ] {
        let variables = json!({ "key": { "id": id }, "time": time });
        assert_eq!(client.data(query, variables).await?["row"], expected);
    }
    Ok(())
}

/// The owners that there are, by title.
const OWNERS: [(&str, &str); 6] = [
    ("A", "a\0secret"),
    ("B", "secret"),
    ("C", "end\0"),
    ("D", "\0begin"),
    ("E", "plain"),
    ("F", ""),
];

/// The owners that this database takes.
async fn with_owners(
    server: &TestServer,
    client: &Client,
) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let is_postgres = server.db().get_database_backend() == DbBackend::Postgres;
    let owners = OWNERS.into_iter();
    let owners: Vec<_> = owners
        .filter(|(_, owner)| !is_postgres || !owner.contains('\0'))
        .collect();
    let rows: Vec<(&str, Json)> = owners
        .iter()
        .map(|(title, owner)| (*title, json!({ "owner": owner })))
        .collect();
    tasks(client, &rows).await?;
    Ok(owners)
}

/// Whether an owner passes the test of a text.
type Holds = fn(owner: &str, text: &str) -> bool;

async fn texts_with_nul(server: &TestServer) -> Outcome {
    let client = server.client();
    let owners = with_owners(server, &client).await?;
    let texts = [
        "\0", "\0secret", "secret", "a\0", "a\0b", "t\0b", "\0begin", "d\0", "ain", "p", "",
    ];
    let tests: [(&str, Holds); 3] = [
        ("contains", |owner, text| owner.contains(text)),
        ("starts_with", |owner, text| owner.starts_with(text)),
        ("ends_with", |owner, text| owner.ends_with(text)),
    ];
    for ((operation, holds), text) in tests
        .into_iter()
        .flat_map(|test| texts.map(|text| (test, text)))
    {
        let filter = json!({ "owner": { operation: text } });
        let answer = client
            .send(&TASKS.query(), json!({ "filters": filter }))
            .await?;
        if let Ok(code) = answer.code() {
            // PostgreSQL has no such text.
            assert!(
                code == "BAD_INPUT" && text.contains('\0'),
                "{filter}: {code}"
            );
            continue;
        }
        let expected = owners.iter().filter(|(_, owner)| holds(owner, text));
        let expected: String = expected.map(|(title, _)| *title).collect();
        assert_eq!(found(&client, &filter).await?, expected, "{filter}");
    }
    Ok(())
}

/// A pattern that ends at a NUL would be another one.
async fn written_patterns_with_nul(server: &TestServer) -> Outcome {
    let client = server.client();
    let owners = with_owners(server, &client).await?;
    for (operation, pattern) in [("like", "%\0secret"), ("not_like", "none\0%")] {
        let filter = json!({ "owner": { operation: pattern } });
        let deleting = client
            .send(&TASKS.delete(), json!({ "filter": filter }))
            .await?;
        match deleting.code().ok() {
            Some(code) => assert_eq!(code, "BAD_INPUT", "{filter}"),
            None => {
                let is_like = |owner: &str| owner.ends_with("\0secret") == (operation == "like");
                let left = owners.iter().filter(|(_, owner)| is_like(owner)).count();
                assert_eq!(deleting.data()?["count"], left, "{filter}");
                return Ok(());
            }
        }
    }
    assert_eq!(TASKS.find(&client, json!({})).await?.len(), owners.len());
    Ok(())
}
