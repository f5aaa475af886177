//! Relations are read by one statement a level, whatever the number of parents.

use seachange_testkit::{Database, Outcome, OwnDatabase, Proxy, statements};
use serde_json::{Value as Json, json};

use crate::harness::serve;

seachange_testkit::cases! {
    Servers: one_statement_a_level;
}

/// Parents of the first level, and children of each.
const PROJECTS: usize = 200;
const EACH: usize = 3;

const QUERY: &str = "{ project(pagination: { page: { page: 0, limit: 1000 } }) { nodes { name
    task(pagination: { page: { page: 0, limit: 2 } }, orderBy: { title: ASC }) {
        nodes { title project { name } comment { nodes { body task { title } } paginationInfo { total } }
                label { nodes { name } } } } } } }";

async fn one_statement_a_level(database: &OwnDatabase) -> Outcome {
    let proxy = Proxy::start(&database.url).await?;
    let server = serve(&proxy.url).await?;
    let client = server.client();
    let create =
        "mutation($rows: [ProjectInsertInput!]!) { rows: projectCreateBatch(data: $rows) { id } }";
    let rows: Vec<Json> = (0..PROJECTS)
        .map(|n| json!({ "name": n.to_string() }))
        .collect();
    let projects = client.data(create, json!({ "rows": rows })).await?["rows"].clone();
    let create =
        "mutation($rows: [TaskInsertInput!]!) { rows: taskCreateBatch(data: $rows) { id } }";
    let ids = projects
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| &row["id"]);
    let rows: Vec<Json> = ids
        .flat_map(|id| (0..EACH).map(move |n| json!({ "projectId": id, "title": n.to_string() })))
        .collect();
    let tasks = client.data(create, json!({ "rows": rows })).await?["rows"].clone();
    let create =
        "mutation($rows: [CommentInsertInput!]!) { rows: commentCreateBatch(data: $rows) { id } }";
    let ids = tasks.as_array().into_iter().flatten().map(|row| &row["id"]);
    let rows: Vec<Json> = ids
        .map(|id| json!({ "taskId": id, "author": "ann", "body": "aye" }))
        .collect();
    client.data(create, json!({ "rows": rows })).await?;
    let before = sent(&proxy, database)?;
    let data = client.data(QUERY, json!({})).await?;
    let projects = data["project"]["nodes"].as_array().map_or(0, Vec::len);
    assert_eq!(projects, PROJECTS);
    let task = &data["project"]["nodes"][PROJECTS - 1]["task"]["nodes"][1];
    assert_eq!(task["comment"]["paginationInfo"]["total"], 1);
    assert_eq!(task["comment"]["nodes"][0]["task"]["title"], "1");
    let mut read = sent(&proxy, database)?;
    for statement in before {
        if let Some(place) = read.iter().position(|sent| *sent == statement) {
            read.swap_remove(place);
        }
    }
    let read = read
        .iter()
        .map(|statement| (table(statement), parents(statement)));
    let mut read: Vec<(String, usize)> = read.collect();
    read.sort();
    let tasks = PROJECTS * 2;
    let expected = [
        ("comment", tasks),
        ("label", tasks),
        // The projects of the tasks, and the tasks of the comments: each asked for once.
        ("project", PROJECTS),
        ("task", PROJECTS),
        ("task", tasks),
    ];
    let expected = expected.map(|(table, parents)| (table.to_owned(), parents));
    assert_eq!(read, expected);
    server.stop().await
}

/// The statements that the program has sent to read rows by their parents.
fn sent(proxy: &Proxy, database: &OwnDatabase) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for sent in proxy.sent() {
        let statements = statements(&database.kind, &sent)?;
        all.extend(
            statements
                .into_iter()
                .filter(|text| is_list(text, &database.kind)),
        );
    }
    Ok(all)
}

/// Whether it reads rows of the reference application by their parents.
fn is_list(statement: &str, kind: &Database) -> bool {
    let quote = match kind {
        Database::Postgres(_) => "\"",
        _ => "`",
    };
    let tables = ["project", "task", "comment", "label"];
    let is_level = statement.contains("__level");
    let is_plain = tables
        .iter()
        .any(|table| statement.starts_with(&format!("SELECT {quote}{table}{quote}.")));
    (is_level || is_plain) && !statement.contains("FOR UPDATE") && statement.contains(" IN (")
}

/// The table whose rows are read.
fn table(statement: &str) -> String {
    let from = statement.split("SELECT ").last().unwrap_or_default();
    let name: String = from
        .chars()
        .skip(1)
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    name
}

/// How many parents are named.
fn parents(statement: &str) -> usize {
    let list = statement.split(" IN (").nth(1).unwrap_or_default();
    let list = list.split(')').next().unwrap_or_default();
    list.split(',').count()
}
