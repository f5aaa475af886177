//! Pages of a relation.

use std::collections::BTreeSet;

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{TASKS_OF_PROJECT, a_fleet, numbered_tasks, tasks_of_project};

seachange_testkit::cases![
    pages,
    pages_by_cursor,
    paginations_out_of_range,
    paginations_by_default_of_a_variable,
];

async fn pages(server: &TestServer) -> Outcome {
    let client = server.client();
    numbered_tasks(&client, 25).await?;
    let expected: Vec<String> = (0..25).map(|n| format!("{n:04}")).collect();
    for by_page in [true, false] {
        let mut met = Vec::new();
        for number in 0..4 {
            let pagination = if by_page {
                json!({ "page": { "page": number, "limit": 7 } })
            } else {
                json!({ "offset": { "offset": number * 7, "limit": 7 } })
            };
            let arguments = json!({ "orderBy": { "title": "ASC" }, "pagination": pagination });
            let (titles, connection) = tasks_of_project(&client, arguments).await?;
            met.extend(titles);
            assert_eq!(connection["pageInfo"]["hasPreviousPage"], number > 0);
            assert_eq!(connection["pageInfo"]["hasNextPage"], number < 3);
            let info = json!({ "pages": 4, "current": number, "offset": number * 7, "total": 25 });
            assert_eq!(connection["paginationInfo"], info);
        }
        assert_eq!(met, expected);
    }
    Ok(())
}

async fn pages_by_cursor(server: &TestServer) -> Outcome {
    let client = server.client();
    numbered_tasks(&client, 25).await?;
    let (mut met, mut end) = (BTreeSet::new(), Json::Null);
    for _ in 0..10 {
        let pagination = json!({ "pagination": { "cursor": { "cursor": end, "limit": 7 } } });
        let answer = client.send(TASKS_OF_PROJECT, pagination.clone()).await?;
        // Refused, or right.
        if answer.body.get("errors").is_some() {
            assert_eq!(answer.code()?, "BAD_INPUT");
            return Ok(());
        }
        let (titles, connection) = tasks_of_project(&client, pagination).await?;
        met.extend(titles);
        end = connection["pageInfo"]["endCursor"].clone();
        if connection["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(met.len(), 25);
    Ok(())
}

/// Paginations that no relation takes, and why.
fn out_of_range() -> Vec<(Json, &'static str)> {
    vec![
        (
            json!({ "page": { "page": i64::MAX, "limit": 1_000 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "page": { "page": i64::MAX / 10, "limit": 11 } }),
            "BAD_INPUT",
        ),
        (json!({ "page": { "page": -1, "limit": 1 } }), "BAD_INPUT"),
        (json!({ "page": { "page": 0, "limit": 0 } }), "BAD_INPUT"),
        (json!({ "page": { "page": 0, "limit": -1 } }), "BAD_INPUT"),
        (
            json!({ "page": { "page": 0, "limit": 1_001 } }),
            "LIMIT_EXCEEDED",
        ),
        (
            json!({ "page": { "page": u64::MAX, "limit": 2 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "offset": { "offset": i64::MAX, "limit": 1_000 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "offset": { "offset": u64::MAX, "limit": 1_000 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "offset": { "offset": -5, "limit": 10 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "offset": { "offset": 0, "limit": i64::MAX } }),
            "LIMIT_EXCEEDED",
        ),
        (
            json!({ "cursor": { "cursor": "zzz", "limit": 5_000 } }),
            "LIMIT_EXCEEDED",
        ),
        (
            json!({ "cursor": { "cursor": "zzz", "limit": 1 } }),
            "BAD_INPUT",
        ),
        (
            json!({ "cursor": { "cursor": "", "limit": 0 } }),
            "BAD_INPUT",
        ),
        (json!({}), "BAD_INPUT"),
        (json!({ "page": { "page": 1.5, "limit": 1 } }), "BAD_INPUT"),
    ]
}

async fn paginations_out_of_range(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    let through = "query($p: PaginationInput) { task { nodes { label(pagination: $p) { \
                   nodes { name } paginationInfo { pages current offset total } } } } }";
    for (pagination, code) in out_of_range() {
        for query in [TASKS_OF_PROJECT, through] {
            let variables = json!({ "p": pagination, "pagination": pagination });
            assert_eq!(client.code(query, variables).await?, code, "{pagination}");
        }
    }
    Ok(())
}

/// JSON as a GraphQL literal.
fn literal(json: &Json) -> String {
    match json {
        Json::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", literal(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

async fn paginations_by_default_of_a_variable(server: &TestServer) -> Outcome {
    let client = server.client();
    a_fleet(&client).await?;
    for (pagination, code) in out_of_range() {
        let pagination = literal(&pagination);
        let fragment = "fragment tasks on Project { task(pagination: $p) { nodes { title } } }";
        for query in [
            format!(
                "query($p: PaginationInput = {pagination}) {{ project {{ nodes {{ task(pagination: $p) {{ nodes {{ title }} }} }} }} }}"
            ),
            format!(
                "query($p: PaginationInput = {pagination}) {{ project {{ nodes {{ ...tasks }} }} }} {fragment}"
            ),
            format!(
                "{{ project {{ nodes {{ task(pagination: {pagination}) {{ nodes {{ title }} }} }} }} }}"
            ),
            format!(
                "{{ project {{ nodes {{ ... on Project {{ task(pagination: {pagination}) {{ nodes {{ title }} }} }} }} }} }}"
            ),
        ] {
            assert_eq!(client.code(&query, json!({})).await?, code, "{query}");
        }
    }
    for (number, limit) in [(i64::MAX, 1_000), (i64::MAX / 2, 3)] {
        let query = format!(
            "query A($n: Int! = {number}, $l: Int! = {limit}) {{ project {{ nodes {{ \
             task(pagination: {{ page: {{ page: $n, limit: $l }} }}) {{ nodes {{ title }} }} }} }} }} \
             query B {{ changesHead }}"
        );
        let body = json!({ "query": query, "operationName": "A" });
        assert_eq!(client.post(&body).await?.code()?, "BAD_INPUT");
    }
    Ok(())
}
