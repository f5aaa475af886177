//! Requests that are large without being malformed: answered, or `LIMIT_EXCEEDED`.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::given::{self, PROJECTS, TASKS};

seachange_testkit::cases![
    long_lists_in_filters,
    many_conditions,
    deep_conditions,
    many_aliases,
    introspection,
];

/// Every place that takes a filter answers it with no row, or refuses it as too large.
async fn finds_nothing_or_is_too_large(
    server: &TestServer,
    filter: &Json,
    may_be_too_large: bool,
) -> Outcome {
    let client = server.client();
    let nested =
        "query($f: TaskFilterInput) { project { nodes { task(filters: $f) { nodes { id } } } } }";
    for (query, variables) in [
        (TASKS.query(), json!({ "filters": filter })),
        (TASKS.delete(), json!({ "filter": filter })),
        (PROJECTS.query(), json!({ "having": { "task": filter } })),
        (nested.to_owned(), json!({ "f": filter })),
    ] {
        let answer = client.send(&query, variables).await?;
        if answer.body.get("errors").is_some() {
            assert_eq!(
                (answer.code()?, may_be_too_large),
                ("LIMIT_EXCEEDED", true),
                "{query}"
            );
        }
    }
    Ok(())
}

async fn long_lists_in_filters(server: &TestServer) -> Outcome {
    given::task(&server.client(), "t").await?;
    for count in [5_000, 33_000, 66_000] {
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
        let filter = json!({ "id": { "is_in": ids } });
        finds_nothing_or_is_too_large(server, &filter, count > 5_000).await?;
    }
    Ok(())
}

async fn many_conditions(server: &TestServer) -> Outcome {
    given::task(&server.client(), "t").await?;
    for count in [10, 200, 600, 1_500, 20_000] {
        let conditions: Vec<Json> = (0..count)
            .map(|n| json!({ "priority": { "eq": n + 1 } }))
            .collect();
        for filter in [json!({ "or": conditions }), json!({ "and": conditions })] {
            finds_nothing_or_is_too_large(server, &filter, count > 200).await?;
        }
    }
    Ok(())
}

async fn deep_conditions(server: &TestServer) -> Outcome {
    given::task(&server.client(), "t").await?;
    for (depth, may_be_too_large) in [(5, false), (20, false), (45, true), (60, true)] {
        let mut filter = json!({ "title": { "eq": "none" } });
        for _ in 0..depth {
            filter = json!({ "not": { "not": { "or": [filter, { "title": { "eq": "none" } }] } } });
        }
        let client = server.client();
        let answer = client
            .send(&TASKS.query(), json!({ "filters": filter }))
            .await?;
        if answer.body.get("errors").is_some() {
            // Deeper than JSON is read.
            assert!(
                may_be_too_large && matches!(answer.code()?, "LIMIT_EXCEEDED" | "BAD_INPUT"),
                "{depth} {answer:?}"
            );
            continue;
        }
        finds_nothing_or_is_too_large(server, &filter, may_be_too_large).await?;
    }
    Ok(())
}

async fn many_aliases(server: &TestServer) -> Outcome {
    let client = server.client();
    given::task(&client, "t").await?;
    let fields: Vec<String> = (0..200)
        .map(|n| format!("a{n}: project {{ nodes {{ b{n}: task {{ nodes {{ title }} }} }} }}"))
        .collect();
    let data = client
        .data(&format!("{{ {} }}", fields.join(" ")), json!({}))
        .await?;
    assert_eq!(data["a199"]["nodes"][0]["b199"]["nodes"][0]["title"], "t");
    let mutations: Vec<String> = (0..100)
        .map(|n| format!("a{n}: projectCreateOne(data: {{ name: \"{n}\" }}) {{ name }}"))
        .collect();
    let data = client
        .data(
            &format!("mutation {{ {} }}", mutations.join(" ")),
            json!({}),
        )
        .await?;
    assert_eq!(data["a99"]["name"], "99");
    Ok(())
}

/// The query that tools send when they connect.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } \
    subscriptionType { name } types { ...FullType } directives { name description locations args { ...InputValue } } } } \
    fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description \
    args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue } \
    interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } \
    possibleTypes { ...TypeRef } } fragment InputValue on __InputValue { name description type { ...TypeRef } \
    defaultValue } fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name \
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";

async fn introspection(server: &TestServer) -> Outcome {
    let data = server.client().data(INTROSPECTION, json!({})).await?;
    let types = given::list(data["__schema"]["types"].clone())?;
    let names: Vec<&str> = types.iter().filter_map(|ty| ty["name"].as_str()).collect();
    for expected in [
        "Change",
        "ChangePage",
        "TaskChange",
        "TaskRecord",
        "TaskBasic",
        "TaskInsertInput",
        "TaskUpdateInput",
        "TaskFilterInput",
        "Json",
    ] {
        assert!(names.contains(&expected), "{expected}");
    }
    Ok(())
}
