//! A condition whose operand is null, or whose variable has no value, is refused wherever conditions are
//! read: passed over, it would write, delete or show rows that nobody asked for. A part that says nothing is
//! what is left of one.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, PROJECTS, TASKS};
use super::watch::head;

seachange_testkit::cases![
    no_other_row_is_deleted,
    every_place_refuses_what_says_nothing,
    a_variable_without_a_value,
    unchanged_since_nothing,
    no_filter_at_all,
    what_is_left_out_of_data_stays,
    arguments_that_are_no_conditions,
];

/// Two projects of two owners with a task each, of which one is done: the projects' ids.
async fn two(client: &Client) -> anyhow::Result<[String; 2]> {
    let mut ids = Vec::new();
    for owner in ["ann", "bob"] {
        let row = json!({ "name": owner, "owner": owner });
        let project = given::text(&PROJECTS.create(client, row).await?["id"])?;
        for status in ["done", "todo"] {
            let row =
                json!({ "projectId": project, "title": status, "owner": owner, "status": status });
            TASKS.create(client, row).await?;
        }
        ids.push(project);
    }
    ids.try_into().map_err(|_| anyhow::anyhow!("two"))
}

/// The message of a request that is refused.
async fn refused(client: &Client, query: &str, variables: Json) -> anyhow::Result<String> {
    let answer = client.send(query, variables.clone()).await?;
    anyhow::ensure!(
        answer.body.get("errors").is_some(),
        "{query} {variables} is answered"
    );
    assert_eq!(answer.code()?, "BAD_INPUT", "{query} {variables}");
    given::text(&answer.body["errors"][0]["message"])
}

async fn no_other_row_is_deleted(server: &TestServer) -> Outcome {
    let client = server.client();
    let [ann, _] = two(&client).await?;
    let before = head(&client).await?;
    let delete = "mutation($p: String) { taskDelete(filter: { projectId: { eq: $p }, status: { eq: \"done\" } }) }";
    for variables in [json!({}), json!({ "p": null })] {
        let message = refused(&client, delete, variables).await?;
        assert!(
            message.contains("projectId") && message.contains("is_null"),
            "{message}"
        );
    }
    let update = "mutation($p: String) { taskUpdate(data: { title: \"x\" }, filter: { and: [{ projectId: { eq: $p } }, \
                  { status: { eq: \"done\" } }] }) { id } }";
    refused(&client, update, json!({})).await?;
    assert_eq!(head(&client).await?, before);
    let deleted = client.data(delete, json!({ "p": ann })).await?;
    assert_eq!(deleted["taskDelete"], 1);
    Ok(())
}

/// Filters of tasks with a part that says nothing.
fn saying_nothing() -> Vec<Json> {
    let one = json!({ "status": { "eq": "done" } });
    vec![
        json!({ "owner": { "eq": null } }),
        json!({ "owner": { "eq": null }, "status": { "eq": "done" } }),
        json!({ "owner": { "ne": null } }),
        json!({ "owner": { "is_in": null } }),
        json!({ "owner": { "is_in": [null] } }),
        json!({ "owner": { "is_not_in": ["ann", null] } }),
        json!({ "owner": { "is_null": null } }),
        json!({ "owner": { "contains": null } }),
        json!({ "owner": { "eq": "ann", "ne": null } }),
        json!({ "owner": null }),
        json!({ "owner": null, "status": { "eq": "done" } }),
        // What JavaScript makes of an undefined operand.
        json!({ "owner": {} }),
        json!({ "owner": {}, "status": { "eq": "done" } }),
        json!({ "priority": { "between": [null, 1] } }),
        json!({ "priority": { "between": null } }),
        json!({ "priority": { "not_between": [1, null] } }),
        json!({ "dueOn": { "gt": null } }),
        json!({ "estimate": { "lt": null } }),
        json!({ "and": null }),
        json!({ "or": null, "status": { "eq": "done" } }),
        json!({ "not": null, "status": { "eq": "done" } }),
        json!({ "or": [] }),
        json!({ "or": [], "status": { "eq": "done" } }),
        json!({ "and": [], "status": { "eq": "done" } }),
        json!({ "or": [{}, one] }),
        json!({ "or": [one, null] }),
        json!({ "and": [{}, one] }),
        json!({ "not": {} }),
        json!({ "not": {}, "status": { "eq": "done" } }),
        json!({ "not": { "owner": { "eq": null } } }),
        json!({ "or": [one, { "and": [one, { "not": { "owner": { "is_in": [null] } } }] }] }),
    ]
}

const RELATION: &str =
    "query($f: TaskFilterInput) { project { nodes { task(filters: $f) { nodes { id } } } } }";
const FOLLOW: &str =
    "subscription($f: TaskFilterInput) { taskChanges(filters: $f, includeInitial: true) { kind } }";

async fn every_place_refuses_what_says_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    let before = head(&client).await?;
    let mut socket = server.socket().await?;
    for filter in saying_nothing() {
        for all in [Json::Null, json!(true)] {
            let variables = json!({ "filter": filter, "all": all, "data": { "priority": 9 } });
            refused(&client, &TASKS.update(), variables).await?;
            let variables = json!({ "filter": filter, "all": all });
            refused(&client, &TASKS.delete(), variables).await?;
        }
        refused(&client, &TASKS.query(), json!({ "filters": filter })).await?;
        refused(&client, RELATION, json!({ "f": filter })).await?;
        let having = json!({ "having": { "task": filter } });
        refused(&client, &PROJECTS.query(), having).await?;
        let code = socket.refused(FOLLOW, json!({ "f": filter })).await?;
        assert_eq!(code, "BAD_INPUT", "{filter}");
    }
    assert_eq!(head(&client).await?, before);
    let having = json!({ "having": { "task": null } });
    refused(&client, &PROJECTS.query(), having).await?;
    // An empty list says something: nothing is in it.
    let none = json!({ "owner": { "is_in": [] } });
    assert_eq!(
        TASKS.find(&client, json!({ "filters": none })).await?,
        Vec::<Json>::new()
    );
    let deleted = client
        .data(&TASKS.delete(), json!({ "filter": none }))
        .await?;
    assert_eq!(deleted["count"], 0);
    Ok(())
}

async fn a_variable_without_a_value(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    let before = head(&client).await?;
    let mut socket = server.socket().await?;
    let filters = [
        ("$v: String", "{ owner: { eq: $v } }"),
        ("$v: String", "{ owner: { is_in: [$v] } }"),
        ("$v: String!", "{ owner: { eq: $v } }"),
        ("$v: [String!]", "{ owner: { is_in: $v } }"),
        ("$v: Boolean", "{ owner: { is_null: $v } }"),
        ("$v: Int", "{ priority: { between: [$v, 3] } }"),
        (
            "$v: Int",
            "{ status: { eq: \"done\" }, priority: { gte: $v } }",
        ),
        (
            "$v: StringFilterInput",
            "{ owner: $v, status: { eq: \"done\" } }",
        ),
        ("$v: TaskFilterInput", "{ not: $v }"),
        (
            "$v: TaskFilterInput",
            "{ and: [$v, { status: { eq: \"done\" } }] }",
        ),
        (
            "$v: [TaskFilterInput!]",
            "{ or: $v, status: { eq: \"done\" } }",
        ),
    ];
    for (variable, filter) in filters {
        for query in [
            format!("mutation({variable}) {{ taskDelete(filter: {filter}) }}"),
            format!("mutation({variable}) {{ taskDelete(filter: {filter}, all: true) }}"),
            format!(
                "mutation({variable}) {{ taskUpdate(data: {{ title: \"x\" }}, filter: {filter}) {{ id }} }}"
            ),
            format!("query({variable}) {{ task(filters: {filter}) {{ nodes {{ id }} }} }}"),
            format!(
                "query({variable}) {{ project {{ nodes {{ task(filters: {filter}) {{ nodes {{ id }} }} }} }} }}"
            ),
            format!(
                "query({variable}) {{ project {{ nodes {{ ...f }} }} }} fragment f on Project {{ task(filters: {filter}) {{ nodes {{ id }} }} }}"
            ),
            format!(
                "query({variable}) {{ project(having: {{ task: {filter} }}) {{ nodes {{ id }} }} }}"
            ),
        ] {
            refused(&client, &query, json!({})).await?;
        }
        let query =
            format!("subscription({variable}) {{ taskChanges(filters: {filter}) {{ kind }} }}");
        assert_eq!(
            socket.refused(&query, json!({})).await?,
            "BAD_INPUT",
            "{query}"
        );
    }
    assert_eq!(head(&client).await?, before);
    // A default is a value.
    let query =
        "query($v: String = \"ann\") { task(filters: { owner: { eq: $v } }) { nodes { owner } } }";
    let data = client.data(query, json!({})).await?;
    assert_eq!(
        data["task"]["nodes"],
        json!([{ "owner": "ann" }, { "owner": "ann" }])
    );
    Ok(())
}

async fn unchanged_since_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    let before = head(&client).await?;
    let filter = "filter: { owner: { eq: \"ann\" } }";
    for (variable, since) in [("$v: String", "$v"), ("$v: String, $w: Int", "null")] {
        for mutation in [
            format!("taskDelete({filter}, ifUnchangedSince: {since})"),
            format!(
                "taskUpdate(data: {{ title: \"x\" }}, {filter}, ifUnchangedSince: {since}) {{ id }}"
            ),
        ] {
            let query = match since {
                "null" => format!("mutation {{ {mutation} }}"),
                _ => format!("mutation({variable}) {{ {mutation} }}"),
            };
            let message = refused(&client, &query, json!({})).await?;
            assert!(message.contains("ifUnchangedSince"), "{message}");
            if since != "null" {
                refused(&client, &query, json!({ "v": null })).await?;
            }
        }
    }
    assert_eq!(head(&client).await?, before);
    let deleted = client
        .data(&format!("mutation {{ taskDelete({filter}) }}"), json!({}))
        .await?;
    assert_eq!(deleted["taskDelete"], 2);
    Ok(())
}

async fn no_filter_at_all(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    for filters in [Json::Null, json!({}), json!({ "and": [] })] {
        let having = match filters {
            Json::Null => Json::Null,
            _ => json!({}),
        };
        let arguments = json!({ "filters": filters, "having": having });
        let found = TASKS.find(&client, arguments).await?;
        assert_eq!(found.len(), 4, "{filters}");
        let data = client.data(RELATION, json!({ "f": filters })).await?;
        assert_eq!(
            given::list(data["project"]["nodes"][1]["task"]["nodes"].clone())?.len(),
            2
        );
        // A write of every row is asked for.
        let refusal = refused(&client, &TASKS.delete(), json!({ "filter": filters })).await?;
        assert!(refusal.contains("all: true"), "{refusal}");
    }
    let deleted = client.data(&TASKS.delete(), json!({ "all": true })).await?;
    assert_eq!(deleted["count"], 4);
    Ok(())
}

async fn what_is_left_out_of_data_stays(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    let update = "mutation($owner: String, $title: String, $body: String) { \
                  taskUpdate(data: { owner: $owner, title: $title, body: $body }, filter: { owner: { eq: \"ann\" }, \
                  status: { eq: \"done\" } }) { title owner body } }";
    let data = client
        .data(update, json!({ "title": "new", "body": "b" }))
        .await?;
    let row = json!([{ "title": "new", "owner": "ann", "body": "b" }]);
    assert_eq!(data["taskUpdate"], row);
    // A null is a value.
    let data = client.data(update, json!({ "body": null })).await?;
    let row = json!([{ "title": "new", "owner": "ann", "body": null }]);
    assert_eq!(data["taskUpdate"], row);
    let create = "mutation($n: String!, $o: String, $a: Boolean) { \
                  projectCreateBatch(data: [{ name: $n, owner: $o, archived: $a }]) { owner archived } }";
    let data = client.data(create, json!({ "n": "x" })).await?;
    assert_eq!(
        data["projectCreateBatch"],
        json!([{ "owner": null, "archived": false }])
    );
    Ok(())
}

/// They say which part of an answer is wanted, and an absent one means its default.
async fn arguments_that_are_no_conditions(server: &TestServer) -> Outcome {
    let client = server.client();
    two(&client).await?;
    let query = "query($after: String, $first: Int, $entities: [String!], $operations: [ChangeOperation!], $key: Json, \
                 $actor: String, $id: String, $entity: String, $page: PaginationInput, $order: TaskOrderInput) { \
                 changes(after: $after, first: $first, entities: $entities, operations: $operations, key: $key, \
                 actor: $actor, transactionId: $id) { nodes { cursor } } syncConflicts(entity: $entity) { nodes { id } } \
                 task(pagination: $page, orderBy: $order) { nodes { id } } }";
    let nulls = json!({ "after": null, "first": null, "entities": null, "operations": null, "key": null, "actor": null,
                        "id": null, "entity": null, "page": null, "order": null });
    for variables in [json!({}), nulls] {
        let data = client.data(query, variables).await?;
        assert_eq!(given::list(data["changes"]["nodes"].clone())?.len(), 6);
        assert_eq!(given::list(data["task"]["nodes"].clone())?.len(), 4);
    }
    Ok(())
}
