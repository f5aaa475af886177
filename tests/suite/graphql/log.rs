//! The queries on the log: `changes` and `changesHead`.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, LABELS, PROJECTS, TASK_LABELS};
use super::watch::{CHANGE, head};

seachange_testkit::cases![
    an_empty_log,
    pages_cover_everything_once,
    the_ends_of_a_page,
    selections,
    keys,
    heads,
    defaults,
    refused,
];

/// The query with every argument.
fn query() -> String {
    format!(
        "query($after: String, $first: Int, $entities: [String!], $operations: [ChangeOperation!], \
         $key: Json, $actor: String, $transactionId: String) {{ changes(after: $after, first: $first, \
         entities: $entities, operations: $operations, key: $key, actor: $actor, \
         transactionId: $transactionId) {{ nodes {{ {CHANGE} }} endCursor hasNextPage }} }}"
    )
}

async fn page(client: &Client, arguments: Json) -> anyhow::Result<Json> {
    Ok(client.data(&query(), arguments).await?["changes"].take())
}

/// All changes of a selection, met page by page.
async fn walk(client: &Client, arguments: &Json, first: u64) -> anyhow::Result<Vec<Json>> {
    let (mut met, mut arguments) = (Vec::new(), arguments.clone());
    arguments["first"] = json!(first);
    loop {
        let page = page(client, arguments.clone()).await?;
        let nodes = given::list(page["nodes"].clone())?;
        let end = nodes
            .last()
            .map_or(Json::Null, |last| last["cursor"].clone());
        assert_eq!(page["endCursor"], end);
        assert!(nodes.len() as u64 <= first);
        met.extend(nodes);
        if page["hasNextPage"] == false {
            return Ok(met);
        }
        arguments["after"] = page["endCursor"].clone();
    }
}

/// Six labels, four of them renamed, two deleted, one project: thirteen changes.
async fn some_changes(client: &Client) -> Outcome {
    let rows: Vec<Json> = (0..6).map(|n| json!({ "name": format!("l{n}") })).collect();
    LABELS.create_all(client, json!(rows)).await?;
    for n in 0..4 {
        let filter = json!({ "name": { "eq": format!("l{n}") } });
        let variables = json!({ "data": { "name": format!("m{n}") }, "filter": filter });
        client.data(&LABELS.update(), variables).await?;
    }
    given::project(client, "Ship").await?;
    let filter = json!({ "name": { "is_in": ["m0", "l5"] } });
    client
        .data(&LABELS.delete(), json!({ "filter": filter }))
        .await?;
    Ok(())
}

async fn an_empty_log(server: &TestServer) -> Outcome {
    let client = server.client();
    let start = head(&client).await?;
    for arguments in [
        json!({}),
        json!({ "after": "0" }),
        json!({ "after": start }),
    ] {
        let page = page(&client, arguments).await?;
        assert_eq!(
            page,
            json!({ "nodes": [], "endCursor": null, "hasNextPage": false })
        );
    }
    Ok(())
}

async fn pages_cover_everything_once(server: &TestServer) -> Outcome {
    let client = server.client();
    some_changes(&client).await?;
    let all = walk(&client, &json!({}), 1_000).await?;
    assert_eq!(all.len(), 13);
    for arguments in [json!({}), json!({ "after": "0" }), json!({ "after": null })] {
        for first in [1, 2, 5, 12, 13, 14] {
            assert_eq!(
                walk(&client, &arguments, first).await?,
                all,
                "{arguments} {first}"
            );
        }
    }
    let labels = json!({ "entities": ["label"], "operations": ["INSERT", "DELETE"] });
    let selected = walk(&client, &labels, 1_000).await?;
    assert_eq!(selected.len(), 8);
    for first in [1, 3, 7, 8] {
        assert_eq!(walk(&client, &labels, first).await?, selected, "{first}");
    }
    for (index, change) in all.iter().enumerate() {
        let rest = walk(&client, &json!({ "after": change["cursor"] }), 4).await?;
        assert_eq!(rest, all[index + 1..], "after change {index}");
    }
    Ok(())
}

async fn the_ends_of_a_page(server: &TestServer) -> Outcome {
    let client = server.client();
    some_changes(&client).await?;
    for (arguments, count, more) in [
        (json!({ "first": 13 }), 13, false),
        (json!({ "first": 12 }), 12, true),
        (json!({ "first": 1, "entities": ["project"] }), 1, false),
        (json!({ "first": 6, "operations": ["INSERT"] }), 6, true),
        (json!({ "first": 7, "operations": ["INSERT"] }), 7, false),
        (json!({ "entities": [] }), 0, false),
        (json!({ "operations": [] }), 0, false),
        (json!({ "entities": ["task"] }), 0, false),
    ] {
        let page = page(&client, arguments.clone()).await?;
        assert_eq!(
            page["nodes"].as_array().map(Vec::len),
            Some(count),
            "{arguments}"
        );
        assert_eq!(page["hasNextPage"], more, "{arguments}");
        assert_eq!(page["endCursor"].is_null(), count == 0, "{arguments}");
    }
    let after = head(&client).await?;
    let page = page(&client, json!({ "after": after })).await?;
    assert_eq!(
        page,
        json!({ "nodes": [], "endCursor": null, "hasNextPage": false })
    );
    Ok(())
}

async fn selections(server: &TestServer) -> Outcome {
    let client = server.client();
    some_changes(&client).await?;
    let all = walk(&client, &json!({}), 1_000).await?;
    let first_batch = &all[0]["transactionId"];
    for (arguments, expected) in [
        (json!({ "entities": ["label", "project"] }), 13),
        (json!({ "entities": vec!["label"; 33_000] }), 12),
        (json!({ "operations": vec!["UPDATE"; 33_000] }), 4),
        (json!({ "entities": "project" }), 1),
        (json!({ "operations": "UPDATE" }), 4),
        (json!({ "operations": ["UPDATE", "DELETE"] }), 6),
        (json!({ "transactionId": first_batch }), 6),
        (
            json!({ "transactionId": first_batch, "operations": ["UPDATE"] }),
            0,
        ),
        (json!({ "transactionId": "" }), 0),
        (json!({ "transactionId": "no such" }), 0),
        (json!({ "actor": "nobody" }), 0),
        (json!({ "actor": "" }), 0),
        (
            json!({ "actor": null, "entities": null, "operations": null, "key": null }),
            13,
        ),
    ] {
        assert_eq!(
            walk(&client, &arguments, 1_000).await?.len(),
            expected,
            "{arguments}"
        );
        assert_eq!(
            walk(&client, &arguments, 2).await?.len(),
            expected,
            "{arguments}"
        );
    }
    Ok(())
}

async fn keys(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let labels = json!([{ "name": "a" }, { "name": "b" }]);
    let labels = LABELS.create_all(&client, labels).await?;
    for label in &labels {
        TASK_LABELS
            .create(&client, json!({ "taskId": task, "labelId": label["id"] }))
            .await?;
    }
    let filter = json!({ "id": { "eq": labels[0]["id"] } });
    let variables = json!({ "data": { "name": "c" }, "filter": filter });
    client.data(&LABELS.update(), variables).await?;
    let label = given::text(&labels[0]["id"])?;
    for (key, expected) in [
        (json!({ "id": label }), 2),
        (json!({ "id": task }), 1),
        (json!({ "label_id": label, "task_id": task }), 1),
        (json!({ "task_id": task, "label_id": label }), 1),
        (json!({ "task_id": task }), 0),
        (json!({ "id": label, "more": 1 }), 0),
        (json!({}), 0),
    ] {
        let changes = walk(&client, &json!({ "key": key }), 1_000).await?;
        assert_eq!(changes.len(), expected, "{key}");
    }
    let query = format!(
        "{{ changes(key: {{ task_id: \"{task}\", label_id: \"{label}\" }}) {{ nodes {{ entity }} }} }}"
    );
    let data = client.data(&query, json!({})).await?;
    assert_eq!(
        data["changes"]["nodes"],
        json!([{ "entity": "task_label" }])
    );
    let both = json!({ "key": { "id": label }, "entities": ["label"], "operations": ["UPDATE"] });
    assert_eq!(walk(&client, &both, 1_000).await?.len(), 1);
    Ok(())
}

async fn heads(server: &TestServer) -> Outcome {
    let client = server.client();
    let before = head(&client).await?;
    assert_eq!(head(&client).await?, before, "nothing happened");
    given::project(&client, "a").await?;
    let between = head(&client).await?;
    given::project(&client, "b").await?;
    let names = |changes: Vec<Json>| -> Vec<Json> {
        changes
            .iter()
            .map(|change| change["after"]["name"].clone())
            .collect()
    };
    let since = |after: &str| json!({ "after": after });
    assert_eq!(names(walk(&client, &since(&before), 1).await?), ["a", "b"]);
    assert_eq!(names(walk(&client, &since(&between), 1).await?), ["b"]);
    let all = walk(&client, &json!({}), 10).await?;
    assert_eq!(json!(head(&client).await?), all[1]["cursor"]);
    Ok(())
}

async fn defaults(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..101).map(|n| json!({ "name": n.to_string() })).collect();
    PROJECTS.create_all(&client, json!(rows)).await?;
    for arguments in [json!({}), json!({ "first": null })] {
        let page = page(&client, arguments).await?;
        assert_eq!(page["nodes"].as_array().map(Vec::len), Some(100));
        assert_eq!(page["hasNextPage"], true);
    }
    let data = client
        .data("{ changes { nodes { entity } } }", json!({}))
        .await?;
    assert_eq!(data["changes"]["nodes"].as_array().map(Vec::len), Some(100));
    let few = server
        .beside(|settings| settings.limits.page_rows = 7)
        .await?;
    let page = page(&few.client(), json!({})).await?;
    assert_eq!(page["nodes"].as_array().map(Vec::len), Some(7));
    few.stop().await
}

async fn refused(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "a").await?;
    for (arguments, code) in [
        (json!({ "first": 0 }), "BAD_INPUT"),
        (json!({ "first": -1 }), "BAD_INPUT"),
        (json!({ "first": i64::MIN }), "BAD_INPUT"),
        (json!({ "first": 1_001 }), "LIMIT_EXCEEDED"),
        (json!({ "first": i64::MAX }), "LIMIT_EXCEEDED"),
        (json!({ "first": "10" }), "BAD_INPUT"),
        (json!({ "first": 1.5 }), "BAD_INPUT"),
        (json!({ "entities": ["nothing"] }), "BAD_INPUT"),
        (json!({ "entities": ["task", "Task"] }), "BAD_INPUT"),
        (json!({ "entities": ["change_log"] }), "BAD_INPUT"),
        (json!({ "entities": ["\u{0}"] }), "BAD_INPUT"),
        (json!({ "entities": [""] }), "BAD_INPUT"),
        (json!({ "entities": [null] }), "BAD_INPUT"),
        (json!({ "entities": [1] }), "BAD_INPUT"),
        (json!({ "operations": ["insert"] }), "BAD_INPUT"),
        (json!({ "operations": ["TRUNCATE"] }), "BAD_INPUT"),
        (json!({ "key": "text" }), "BAD_INPUT"),
        (json!({ "key": 1 }), "BAD_INPUT"),
        (json!({ "key": [] }), "BAD_INPUT"),
        (json!({ "actor": 1 }), "BAD_INPUT"),
        (json!({ "transactionId": {} }), "BAD_INPUT"),
        (json!({ "after": 0 }), "BAD_INPUT"),
    ] {
        assert_eq!(
            client.code(&query(), arguments.clone()).await?,
            code,
            "{arguments}"
        );
    }
    Ok(())
}
