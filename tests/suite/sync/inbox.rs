//! The conflict inbox: found, watched, decided.

use std::time::Duration;

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{a_task, changes_of, conflicts, delete_task, push, stored, update_task, with};
use crate::graphql::given::{PROJECTS, TASKS, project};

seachange_testkit::cases![
    pages_and_filters,
    watched,
    keep_the_servers,
    use_the_clients,
    use_the_clients_without_what_it_left_out,
    use_the_clients_edit_and_no_more,
    shown_as_it_is,
    use_other_data,
    decided_again,
    a_row_that_is_gone,
    a_row_that_has_changed_since,
    what_cannot_be_decided,
];

const RESOLVE: &str = "mutation($id: String!, $use: SyncResolution!, $data: Json) {
    resolveSyncConflict(id: $id, use: $use, data: $data) { id status resolvedAt client } }";

/// A task that two have given another title: its document as stored, and the conflict's id.
async fn a_conflict(client: &Client) -> anyhow::Result<(Json, Json)> {
    let task = a_task(client, "base").await?;
    update_task(client, &task["id"], json!({ "title": "theirs" })).await?;
    let mine = with(&task, json!({ "title": "mine", "priority": 3 }));
    let pushed = push(client, TASKS, &[(task, mine)]).await?;
    let id = pushed.rejections[0]["conflictId"].clone();
    Ok((pushed.documents[0].clone(), id))
}

/// Decides on an entry, and returns it.
pub async fn resolve(client: &Client, id: &Json, with: Json) -> anyhow::Result<Json> {
    let mut variables = with;
    variables["id"] = id.clone();
    let data = client.data(RESOLVE, variables).await?;
    Ok(data["resolveSyncConflict"].clone())
}

async fn now(client: &Client, task: &Json) -> anyhow::Result<Json> {
    stored(client, TASKS, task["id"].as_str().unwrap_or_default()).await
}

async fn pages_and_filters(server: &TestServer) -> Outcome {
    let client = server.client();
    for _ in 0..5 {
        a_conflict(&client).await?;
    }
    let all = conflicts(&client).await?;
    resolve(&client, &all[2]["id"], json!({ "use": "KEEP_SERVER" })).await?;
    let query = "query($status: SyncConflictStatus, $entity: String, $first: Int, $after: String) {
        syncConflicts(status: $status, entity: $entity, first: $first, after: $after) {
        nodes { id } endCursor hasNextPage } }";
    let page = async |variables: Json| {
        let data = client.data(query, variables).await?;
        let page = data["syncConflicts"].clone();
        let ids = page["nodes"].as_array().cloned().unwrap_or_default();
        let ids: Vec<Json> = ids.iter().map(|node| node["id"].clone()).collect();
        anyhow::Ok((ids, page["endCursor"].clone(), page["hasNextPage"] == true))
    };
    let ids: Vec<Json> = all.iter().map(|conflict| conflict["id"].clone()).collect();
    let (first, cursor, more) = page(json!({ "first": 2 })).await?;
    assert_eq!((first.as_slice(), more), (&ids[..2], true));
    let (rest, _, more) = page(json!({ "first": 3, "after": cursor })).await?;
    assert_eq!((rest.as_slice(), more), (&ids[2..], false));
    let (resolved, ..) = page(json!({ "status": "RESOLVED" })).await?;
    assert_eq!(resolved, [ids[2].clone()]);
    let (open, ..) = page(json!({ "status": "OPEN", "entity": "task" })).await?;
    assert_eq!(open.len(), 4);
    let (none, cursor, _) = page(json!({ "entity": "label" })).await?;
    assert_eq!((none.len(), cursor), (0, Json::Null));
    Ok(())
}

async fn watched(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut socket = server.socket().await?;
    let query =
        "subscription($e: String) { syncConflicts(entity: $e) { id entity status client } }";
    socket.subscribe(query, json!({ "e": "task" })).await?;
    // It hears of conflicts from when it is registered on: one is made until it does.
    let (id, first) = loop {
        let (_, id) = a_conflict(&client).await?;
        let heard = tokio::time::timeout(Duration::from_secs(1), socket.next());
        if let Ok(heard) = heard.await {
            break (id, heard?["syncConflicts"].clone());
        }
    };
    assert_eq!(first["status"], "OPEN");
    assert_eq!(first["client"]["title"], "mine");
    resolve(&client, &id, json!({ "use": "KEEP_SERVER" })).await?;
    loop {
        let next = socket.next().await?["syncConflicts"].clone();
        if next["status"] == "RESOLVED" {
            assert_eq!(next["id"], id);
            return Ok(());
        }
    }
}

async fn keep_the_servers(server: &TestServer) -> Outcome {
    let client = server.client();
    let (task, id) = a_conflict(&client).await?;
    let before = changes_of(&client, "task").await?;
    let resolved = resolve(&client, &id, json!({ "use": "KEEP_SERVER" })).await?;
    assert_eq!(resolved["status"], "RESOLVED");
    assert!(resolved["resolvedAt"].is_string());
    assert_eq!(changes_of(&client, "task").await?, before);
    assert_eq!(now(&client, &task).await?, task);
    Ok(())
}

async fn use_the_clients(server: &TestServer) -> Outcome {
    let client = server.client();
    let (task, id) = a_conflict(&client).await?;
    resolve(&client, &id, json!({ "use": "USE_CLIENT" })).await?;
    let now = now(&client, &task).await?;
    assert_eq!(
        (&now["title"], &now["priority"]),
        (&json!("mine"), &json!(3))
    );
    let changes = changes_of(&client, "task").await?;
    let told = json!({ "conflict": { "id": id, "resolution": "client" } });
    assert_eq!(
        changes.last().map(|change| &change["metadata"]),
        Some(&told)
    );
    Ok(())
}

/// What the client had and left out it wants to be empty.
async fn use_the_clients_without_what_it_left_out(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "base").await?;
    update_task(&client, &task["id"], json!({ "owner": "me" })).await?;
    let task = now(&client, &task).await?;
    update_task(&client, &task["id"], json!({ "title": "theirs" })).await?;
    let mut mine = with(&task, json!({ "title": "mine" }));
    mine.as_object_mut().and_then(|mine| mine.remove("owner"));
    let pushed = push(&client, TASKS, &[(task.clone(), mine)]).await?;
    let id = &pushed.rejections[0]["conflictId"];
    resolve(&client, id, json!({ "use": "USE_CLIENT" })).await?;
    let now = now(&client, &task).await?;
    assert_eq!(
        (&now["title"], &now["owner"]),
        (&json!("mine"), &Json::Null)
    );
    Ok(())
}

/// Others have changed what the edit did not: that stays.
async fn use_the_clients_edit_and_no_more(server: &TestServer) -> Outcome {
    let client = server.client();
    let (task, id) = a_conflict(&client).await?;
    let theirs = json!({ "status": "done", "owner": "ann" });
    update_task(&client, &task["id"], theirs).await?;
    resolve(&client, &id, json!({ "use": "USE_CLIENT" })).await?;
    let now = now(&client, &task).await?;
    assert_eq!(
        (&now["title"], &now["priority"]),
        (&json!("mine"), &json!(3))
    );
    assert_eq!(
        (&now["status"], &now["owner"]),
        (&json!("done"), &json!("ann"))
    );
    Ok(())
}

/// A conflict that waits shows the row as it is, and what was seen is what is decided about.
async fn shown_as_it_is(server: &TestServer) -> Outcome {
    let client = server.client();
    let (task, id) = a_conflict(&client).await?;
    update_task(&client, &task["id"], json!({ "title": "theirs again" })).await?;
    let seen = conflicts(&client).await?[0]["server"].clone();
    assert_eq!(seen, now(&client, &task).await?);
    let decide = "mutation($id: String!, $seen: Json) {
        resolveSyncConflict(id: $id, use: USE_CLIENT, seen: $seen) { status } }";
    let other = with(&seen, json!({ "title": "never was" }));
    let unseen = json!({ "id": id, "seen": other });
    assert_eq!(client.code(decide, unseen).await?, "CONFLICT");
    for wrong in [json!("a"), json!([])] {
        let wrong = json!({ "id": id, "seen": wrong });
        assert_eq!(client.code(decide, wrong).await?, "BAD_INPUT");
    }
    client
        .data(decide, json!({ "id": id, "seen": seen }))
        .await?;
    assert_eq!(now(&client, &task).await?["title"], "mine");
    // Gone meanwhile.
    let (task, id) = a_conflict(&client).await?;
    delete_task(&client, &task["id"]).await?;
    let shown = conflicts(&client).await?;
    let seen = &shown.last().unwrap_or(&Json::Null)["server"];
    assert_eq!(seen["_deleted"], true);
    let unseen = json!({ "id": id, "use": "USE_CLIENT" });
    assert_eq!(client.code(RESOLVE, unseen).await?, "CONFLICT");
    client
        .data(decide, json!({ "id": id, "seen": seen }))
        .await?;
    assert_eq!(now(&client, &task).await?["title"], "mine");
    Ok(())
}

async fn use_other_data(server: &TestServer) -> Outcome {
    let client = server.client();
    let (task, id) = a_conflict(&client).await?;
    let bad = json!({ "id": id, "use": "USE_DATA", "data": { "title": null } });
    assert_eq!(client.code(RESOLVE, bad).await?, "BAD_INPUT");
    let data = json!({ "title": "both", "status": "doing" });
    resolve(&client, &id, json!({ "use": "USE_DATA", "data": data })).await?;
    let now = now(&client, &task).await?;
    assert_eq!(
        (&now["title"], &now["status"]),
        (&json!("both"), &json!("doing"))
    );
    Ok(())
}

/// An edit of a deleted row: the client's row comes back to life only because somebody says so.
async fn a_row_that_is_gone(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    delete_task(&client, &task["id"]).await?;
    let edited = with(&task, json!({ "title": "edited" }));
    let pushed = push(&client, TASKS, &[(task.clone(), edited)]).await?;
    let id = &pushed.rejections[0]["conflictId"];
    resolve(&client, id, json!({ "use": "USE_CLIENT" })).await?;
    assert_eq!(now(&client, &task).await?["title"], "edited");
    Ok(())
}

/// Under an idempotency key.
async fn decided_again(server: &TestServer) -> Outcome {
    let client = server.client();
    for (key, choice) in [
        ("one", json!({ "use": "USE_CLIENT" })),
        ("two", json!({ "use": "KEEP_SERVER" })),
        (
            "three",
            json!({ "use": "USE_DATA", "data": { "priority": 5 } }),
        ),
    ] {
        let (_, id) = a_conflict(&client).await?;
        let keyed = client.with_header("idempotency-key", key);
        let first = resolve(&keyed, &id, choice.clone()).await?;
        let log = server.logged().await?.len();
        assert_eq!(resolve(&keyed, &id, choice).await?, first);
        assert_eq!(server.logged().await?.len(), log);
    }
    Ok(())
}

async fn a_row_that_has_changed_since(server: &TestServer) -> Outcome {
    // One key for all of it: what was not done is done again.
    let client = server.client();
    let keyed = client.with_header("idempotency-key", "k");
    let (task, id) = a_conflict(&client).await?;
    let theirs = json!({ "status": "done", "title": "theirs again" });
    update_task(&client, &task["id"], theirs).await?;
    let choice = json!({ "id": id, "use": "USE_CLIENT" });
    let answer = keyed.send(RESOLVE, choice.clone()).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    let current = &answer.body["errors"][0]["extensions"]["current"];
    assert_eq!(current["status"], "done");
    let shown = &conflicts(&client).await?[0];
    assert_eq!(shown["status"], "OPEN");
    assert_eq!(shown["server"]["status"], "done");
    // Seen now.
    keyed.data(RESOLVE, choice).await?;
    assert_eq!(now(&client, &task).await?["title"], "mine");
    Ok(())
}

async fn what_cannot_be_decided(server: &TestServer) -> Outcome {
    let client = server.client();
    let (_, id) = a_conflict(&client).await?;
    for (variables, code) in [
        (json!({ "id": "nobody", "use": "KEEP_SERVER" }), "NOT_FOUND"),
        (json!({ "id": id, "use": "USE_DATA" }), "BAD_INPUT"),
        (
            json!({ "id": id, "use": "KEEP_SERVER", "data": {} }),
            "BAD_INPUT",
        ),
        (
            json!({ "id": id, "use": "USE_DATA", "data": [] }),
            "BAD_INPUT",
        ),
        (
            json!({ "id": id, "use": "USE_DATA", "data": { "nope": 1 } }),
            "BAD_INPUT",
        ),
        (json!({ "id": id, "use": "WHATEVER" }), "BAD_INPUT"),
    ] {
        assert_eq!(
            client.code(RESOLVE, variables.clone()).await?,
            code,
            "{variables}"
        );
    }
    resolve(&client, &id, json!({ "use": "KEEP_SERVER" })).await?;
    let again = json!({ "id": id, "use": "USE_CLIENT" });
    assert_eq!(client.code(RESOLVE, again).await?, "CONFLICT");
    // One that was rejected can be mended, too.
    let project = project(&client, "p").await?;
    let stored = stored(&client, PROJECTS, &project).await?;
    let bad = with(&stored, json!({ "name": null }));
    let pushed = push(&client, PROJECTS, &[(stored, bad)]).await?;
    let id = &pushed.rejections[0]["conflictId"];
    let mended = json!({ "use": "USE_DATA", "data": { "name": "mended" } });
    assert_eq!(resolve(&client, id, mended).await?["status"], "RESOLVED");
    Ok(())
}
