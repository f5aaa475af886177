//! `ifUnchangedSince`: who has read a row writes it only if nobody else has meanwhile.

use seachange_testkit::{Client, Outcome, TestServer, measured};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::given::{COMMENTS, PROJECTS, TASK_LABELS, TASKS};

seachange_testkit::cases![
    nobody_has_written,
    somebody_has_written,
    several_rows,
    by_triggers_and_by_two_columns,
    cursors_that_mean_nothing,
    nobody_overwrites_anybody,
];

const UPDATE: &str = "mutation($id: String!, $priority: Int!, $since: String) {
    taskUpdate(data: { priority: $priority }, filter: { id: { eq: $id } }, ifUnchangedSince: $since)
    { priority } }";
const DELETE_ANYWAY: &str = "mutation($id: String!) { taskDelete(filter: { id: { eq: $id } }) }";
const DELETE: &str = "mutation($id: String!, $since: String) {
    taskDelete(filter: { id: { eq: $id } }, ifUnchangedSince: $since) }";
/// The position comes from before the row, whatever is written between them.
const READ: &str = "query($id: String!) { changesHead task(filters: { id: { eq: $id } })
    { nodes { priority } } }";

async fn a_task(client: &Client) -> anyhow::Result<String> {
    let project = PROJECTS.create(client, json!({ "name": "Ship" })).await?;
    let task = json!({ "projectId": project["id"], "title": "t" });
    let task = TASKS.create(client, task).await?;
    Ok(task["id"].as_str().unwrap_or_default().to_owned())
}

async fn head(client: &Client) -> anyhow::Result<String> {
    let data = client.data("{ changesHead }", json!({})).await?;
    Ok(data["changesHead"].as_str().unwrap_or_default().to_owned())
}

fn update(id: &str, priority: i64, since: &str) -> Json {
    json!({ "id": id, "priority": priority, "since": since })
}

async fn nobody_has_written(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = a_task(&client).await?;
    let other = a_task(&client).await?;
    let since = head(&client).await?;
    client.data(UPDATE, update(&other, 9, &since)).await?;
    let done = client.data(UPDATE, update(&id, 1, &since)).await?;
    assert_eq!(done["taskUpdate"], json!([{ "priority": 1 }]));
    let since = head(&client).await?;
    let done = client.data(DELETE, json!({ "id": id, "since": since }));
    assert_eq!(done.await?["taskDelete"], 1);
    let done = client.data(DELETE_ANYWAY, json!({ "id": other }));
    assert_eq!(done.await?["taskDelete"], 1);
    Ok(())
}

async fn somebody_has_written(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = a_task(&client).await?;
    let since = head(&client).await?;
    client.data(UPDATE, update(&id, 1, &since)).await?;
    let after = head(&client).await?;
    for (query, variables) in [
        (UPDATE, update(&id, 2, &since)),
        (DELETE, json!({ "id": id, "since": since })),
    ] {
        let refused = client.send(query, variables).await?;
        assert_eq!(refused.code()?, "CONFLICT");
        let current = &refused.body["errors"][0]["extensions"]["current"];
        assert_eq!(current.as_array().map(Vec::len), Some(1), "{current}");
        assert_eq!(current[0]["id"], id);
        assert_eq!(current[0]["priority"], 1);
    }
    assert_eq!(head(&client).await?, after, "nothing was written");
    Ok(())
}

async fn several_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    let (one, two) = (a_task(&client).await?, a_task(&client).await?);
    let since = head(&client).await?;
    client.data(UPDATE, update(&two, 5, &since)).await?;
    let all = "mutation($ids: [String!], $since: String) { taskUpdate(data: { title: \"all\" },
        filter: { id: { is_in: $ids } }, ifUnchangedSince: $since) { title } }";
    let variables = json!({ "ids": [one, two], "since": since });
    let refused = client.send(all, variables).await?;
    assert_eq!(refused.code()?, "CONFLICT");
    let current = &refused.body["errors"][0]["extensions"]["current"];
    assert_eq!(current.as_array().map(Vec::len), Some(1), "{current}");
    assert_eq!(current[0]["id"], two);
    let titles = "{ task { nodes { title } } }";
    let found = client.data(titles, json!({})).await?;
    assert_eq!(
        found["task"]["nodes"],
        json!([{ "title": "t" }, { "title": "t" }])
    );
    Ok(())
}

/// A table that triggers capture, whose integers SQLite writes otherwise, and a key of two columns.
async fn by_triggers_and_by_two_columns(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client).await?;
    let comment = json!({ "taskId": task, "author": "a", "body": "b" });
    let comment = COMMENTS.create(&client, comment).await?;
    let label = "mutation { labelCreateOne(data: { name: \"urgent\" }) { id } }";
    let label = client.data(label, json!({})).await?["labelCreateOne"]["id"].clone();
    let before = head(&client).await?;
    let link = json!({ "taskId": task, "labelId": label });
    TASK_LABELS.create(&client, link).await?;
    let unlink = "mutation($label: BigInt!, $since: String) {
        taskLabelDelete(filter: { labelId: { eq: $label } }, ifUnchangedSince: $since) }";
    let variables = json!({ "label": label, "since": before });
    assert_eq!(client.send(unlink, variables).await?.code()?, "CONFLICT");
    let edit = "mutation($id: String!, $body: String!, $since: String) { commentUpdate(
        data: { body: $body }, filter: { id: { eq: $id } }, ifUnchangedSince: $since) { body } }";
    let with =
        |body: &str, since: &str| json!({ "id": comment["id"], "body": body, "since": since });
    client.data(edit, with("first", &before)).await?;
    let refused = client.send(edit, with("second", &before)).await?;
    assert_eq!(refused.code()?, "CONFLICT");
    let current = &refused.body["errors"][0]["extensions"]["current"][0];
    assert_eq!(current["body"], "first");
    let now = head(&client).await?;
    client.data(edit, with("second", &now)).await?;
    let variables = json!({ "label": label, "since": now });
    let done = client.data(unlink, variables).await?;
    assert_eq!(done["taskLabelDelete"], 1);
    Ok(())
}

async fn cursors_that_mean_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = a_task(&client).await?;
    let since = head(&client).await?;
    let ahead = {
        client.data(UPDATE, update(&id, 1, &since)).await?;
        head(&client).await?
    };
    for (cursor, code) in [("nonsense", "CURSOR_INVALID"), ("", "CURSOR_INVALID")] {
        let refused = client.send(UPDATE, update(&id, 7, cursor)).await?;
        assert_eq!(refused.code()?, code, "{cursor:?}");
    }
    let renewed = {
        seachange::changelog::new_epoch(server.db().writer()).await?;
        client.send(UPDATE, update(&id, 7, &ahead)).await?
    };
    assert_eq!(renewed.code()?, "RESYNC_REQUIRED");
    let found = client.data(READ, json!({ "id": id })).await?;
    assert_eq!(found["task"]["nodes"][0]["priority"], 1);
    Ok(())
}

/// Eight clients count in one row: each reads, adds one, writes, and begins again on a conflict.
async fn nobody_overwrites_anybody(server: &TestServer) -> Outcome {
    const CLIENTS: i64 = 8;
    const EACH: i64 = 10;
    let client = server.client();
    let id = a_task(&client).await?;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, id) = (client.clone(), id.clone());
        clients.spawn(async move {
            let mut conflicts = 0;
            for _ in 0..EACH {
                while !counts(&client, &id).await? {
                    conflicts += 1;
                }
            }
            anyhow::Ok(conflicts)
        });
    }
    let mut conflicts = 0;
    while let Some(ended) = clients.join_next().await {
        conflicts += ended??;
    }
    measured(format_args!(
        "{}: {conflicts} conflicts",
        server.kind.name()
    ));
    let found = client.data(READ, json!({ "id": id })).await?;
    assert_eq!(found["task"]["nodes"][0]["priority"], CLIENTS * EACH);
    Ok(())
}

/// Whether it could.
async fn counts(client: &Client, id: &str) -> anyhow::Result<bool> {
    let read = client.data(READ, json!({ "id": id })).await?;
    let priority = read["task"]["nodes"][0]["priority"]
        .as_i64()
        .unwrap_or_default();
    let since = read["changesHead"].as_str().unwrap_or_default();
    let answer = client.send(UPDATE, update(id, priority + 1, since)).await?;
    if answer.data().is_ok() {
        return Ok(true);
    }
    let code = answer.code()?;
    anyhow::ensure!(matches!(code, "CONFLICT" | "UNAVAILABLE"), "{answer:?}");
    Ok(false)
}
