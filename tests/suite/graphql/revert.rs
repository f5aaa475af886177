//! `revertChange`: what is undone, and what stands in the way.

pub mod exchanged;
pub mod hooked;
pub mod transactions;

use sea_orm::{ConnectionTrait, DbBackend};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, LABELS, Names, PROJECTS, TASK_LABELS, TASKS};
use super::history::{ahead, changes, history};
use super::watch::head;

seachange_testkit::cases![
    each_operation,
    what_a_revert_says_of_itself,
    one_after_the_other,
    other_columns_stay,
    later_changes_stand_in_the_way,
    other_rows_stand_in_the_way,
    what_the_log_does_not_hold,
    refused,
    reverts_that_race,
];

pub const CHANGE: &str = "mutation($cursor: String!) { done: revertChange(cursor: $cursor) {
    cursor entity key operation before after changedFields actor metadata transactionId source } }";

/// Reverts a change.
pub async fn change(client: &Client, cursor: &Json) -> anyhow::Result<Vec<Json>> {
    let mut data = client.data(CHANGE, json!({ "cursor": cursor })).await?;
    given::list(data["done"].take())
}

/// The later changes that a conflict names.
pub async fn later(client: &Client, cursor: &Json) -> anyhow::Result<Json> {
    let answer = client.send(CHANGE, json!({ "cursor": cursor })).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    Ok(answer.body["errors"][0]["extensions"]["later"].clone())
}

pub async fn update(client: &Client, names: Names, id: &Json, data: Json) -> Outcome {
    let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
    client.data(&names.update(), variables).await?;
    Ok(())
}

pub async fn delete(client: &Client, names: Names, filter: Json) -> Outcome {
    client
        .data(&names.delete(), json!({ "filter": filter }))
        .await?;
    Ok(())
}

/// The cursor of the newest change.
pub async fn newest(client: &Client) -> anyhow::Result<Json> {
    let last = changes(client).await?.pop();
    Ok(last.map_or(Json::Null, |mut change| change["cursor"].take()))
}

/// The rows without what the server manages.
pub async fn rows(client: &Client, names: Names) -> anyhow::Result<Vec<Json>> {
    let mut rows = names.find(client, json!({})).await?;
    for row in rows.iter_mut().filter_map(Json::as_object_mut) {
        row.remove("createdAt");
        row.remove("updatedAt");
    }
    Ok(rows)
}

/// Every kind of key and every column: written, undone, and the table is what it was.
async fn each_operation(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = given::project(&client, "Ship").await?;
    let label = LABELS.create(&client, json!({ "name": "red" })).await?;
    let full = json!({ "projectId": project, "title": "t", "body": "b", "status": "doing",
        "priority": 3, "estimate": "1.50", "dueOn": "2027-01-01", "owner": "o",
        "details": { "a": [1, null, "x"] } });
    let task = TASKS.create(&client, full).await?;
    TASK_LABELS
        .create(
            &client,
            json!({ "taskId": task["id"], "labelId": label["id"] }),
        )
        .await?;
    for (names, write) in [
        (
            TASKS,
            json!({ "title": "u", "body": null, "status": "done", "priority": -1,
            "estimate": "2.00", "dueOn": null, "owner": null, "details": null }),
        ),
        (LABELS, json!({ "name": "green" })),
        (PROJECTS, json!({ "archived": true, "owner": "me" })),
    ] {
        let before = rows(&client, names).await?;
        update(
            &client,
            names,
            &names.find(&client, json!({})).await?[0]["id"],
            write,
        )
        .await?;
        let after = rows(&client, names).await?;
        assert_ne!(before, after);
        let undone = change(&client, &newest(&client).await?).await?;
        assert_eq!(undone.len(), 1);
        assert_eq!(undone[0]["operation"], "UPDATE");
        assert_eq!(rows(&client, names).await?, before);
    }
    let links = rows(&client, TASK_LABELS).await?;
    delete(
        &client,
        TASK_LABELS,
        json!({ "taskId": { "eq": task["id"] } }),
    )
    .await?;
    let unlinked = newest(&client).await?;
    let tasks = rows(&client, TASKS).await?;
    delete(&client, TASKS, json!({ "id": { "eq": task["id"] } })).await?;
    let undone = change(&client, &newest(&client).await?).await?;
    assert_eq!(undone[0]["operation"], "INSERT");
    assert_eq!(rows(&client, TASKS).await?, tasks);
    change(&client, &unlinked).await?;
    assert_eq!(rows(&client, TASK_LABELS).await?, links);
    // An insert: the link's own, of which the delete and its revert are no later changes any more.
    let all = changes(&client).await?;
    let linked = all.iter().find(|change| change["entity"] == "task_label");
    let undone = change(&client, &linked.unwrap_or(&Json::Null)["cursor"]).await?;
    assert_eq!(undone[0]["operation"], "DELETE");
    assert!(rows(&client, TASK_LABELS).await?.is_empty());
    Ok(())
}

async fn what_a_revert_says_of_itself(server: &TestServer) -> Outcome {
    let client = server.client();
    let row = PROJECTS.create(&client, json!({ "name": "a" })).await?;
    update(&client, PROJECTS, &row["id"], json!({ "name": "b" })).await?;
    let cursor = newest(&client).await?;
    let body = json!({ "query": CHANGE, "variables": { "cursor": cursor },
        "extensions": { "metadata": { "why": "a mistake", "reverts": "mine" } } });
    let answer = client
        .with_header("idempotency-key", "k1")
        .post(&body)
        .await?;
    let undone = &answer.data()?["done"][0];
    assert_eq!(
        undone["metadata"],
        json!({ "why": "a mistake", "reverts": cursor })
    );
    assert_eq!(undone["changedFields"], json!(["name", "updated_at"]));
    assert_eq!(undone["source"], "hook");
    assert_eq!(undone["key"], json!({ "id": row["id"] }));
    // It is in the log, once.
    let last = changes(&client).await?.pop().unwrap_or_default();
    assert_eq!(last["cursor"], undone["cursor"]);
    assert_eq!(last["mutationId"], "k1");
    let now = PROJECTS.find(&client, json!({})).await?;
    assert_eq!(now[0]["createdAt"], row["createdAt"]);
    assert_ne!(
        now[0]["updatedAt"], row["updatedAt"],
        "stamped, not reverted"
    );
    Ok(())
}

/// Undone in reverse, redone, and undone again.
async fn one_after_the_other(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = LABELS.create(&client, json!({ "name": "1" })).await?["id"].take();
    let mut done = Vec::new();
    for name in ["2", "3", "4"] {
        update(&client, LABELS, &id, json!({ "name": name })).await?;
        done.push(newest(&client).await?);
    }
    let mut reverts = Vec::new();
    for (cursor, name) in done.iter().rev().zip(["3", "2", "1"]) {
        reverts.push(change(&client, cursor).await?[0]["cursor"].clone());
        assert_eq!(rows(&client, LABELS).await?[0]["name"], name);
    }
    // Undone already: the revert stands in the way.
    assert_eq!(later(&client, &done[0]).await?, json!([reverts[2]]));
    let redone = change(&client, &reverts[2]).await?[0]["cursor"].clone();
    assert_eq!(rows(&client, LABELS).await?[0]["name"], "2");
    change(&client, &redone).await?;
    assert_eq!(rows(&client, LABELS).await?[0]["name"], "1");
    assert_eq!(later(&client, &done[0]).await?, json!([reverts[2]]));
    Ok(())
}

async fn other_columns_stay(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = given::project(&client, "a").await?.into();
    update(&client, PROJECTS, &id, json!({ "name": "b" })).await?;
    let renamed = newest(&client).await?;
    update(
        &client,
        PROJECTS,
        &id,
        json!({ "owner": "me", "archived": true }),
    )
    .await?;
    change(&client, &renamed).await?;
    let rows = rows(&client, PROJECTS).await?;
    assert_eq!(
        rows,
        [json!({ "id": id, "name": "a", "owner": "me", "archived": true })]
    );
    Ok(())
}

async fn later_changes_stand_in_the_way(server: &TestServer) -> Outcome {
    let client = server.client();
    let id: Json = given::project(&client, "a").await?.into();
    let created = newest(&client).await?;
    let mut cursors = Vec::new();
    for data in [
        json!({ "name": "b", "owner": "me" }),
        json!({ "archived": true }),
        json!({ "name": "c" }),
        json!({ "owner": "you" }),
        json!({ "name": "b", "owner": "me" }),
    ] {
        update(&client, PROJECTS, &id, data).await?;
        cursors.push(newest(&client).await?);
    }
    let untouched = PROJECTS.find(&client, json!({})).await?;
    let at = head(&client).await?;
    // Back at the same values, but by somebody's will.
    let touching = json!([cursors[2], cursors[3], cursors[4]]);
    assert_eq!(later(&client, &cursors[0]).await?, touching);
    assert_eq!(later(&client, &cursors[3]).await?, json!([cursors[4]]));
    assert_eq!(later(&client, &created).await?, json!(cursors));
    assert_eq!(PROJECTS.find(&client, json!({})).await?, untouched);
    assert_eq!(head(&client).await?, at, "nothing was written");
    change(&client, &cursors[1]).await?;
    // Gone, and there again.
    delete(&client, PROJECTS, json!({ "id": { "eq": id } })).await?;
    let deleted = newest(&client).await?;
    assert_eq!(later(&client, &cursors[4]).await?, json!([deleted]));
    PROJECTS
        .create(&client, json!({ "id": id, "name": "new" }))
        .await?;
    let again = newest(&client).await?;
    assert_eq!(later(&client, &deleted).await?, json!([again]));
    assert_eq!(later(&client, &cursors[4]).await?, json!([deleted, again]));
    Ok(())
}

/// Unique names and foreign keys.
async fn other_rows_stand_in_the_way(server: &TestServer) -> Outcome {
    let client = server.client();
    let label = LABELS.create(&client, json!({ "name": "red" })).await?;
    update(&client, LABELS, &label["id"], json!({ "name": "green" })).await?;
    let renamed = newest(&client).await?;
    let other = LABELS.create(&client, json!({ "name": "red" })).await?;
    let project = given::project(&client, "Ship").await?;
    let created = newest(&client).await?;
    let task = TASKS
        .create(&client, json!({ "projectId": project, "title": "t" }))
        .await?;
    let at = head(&client).await?;
    for cursor in [&renamed, &created] {
        assert_eq!(later(&client, cursor).await?, json!([]));
    }
    assert_eq!(head(&client).await?, at, "nothing was written");
    delete(&client, LABELS, json!({ "id": { "eq": other["id"] } })).await?;
    change(&client, &renamed).await?;
    delete(&client, TASKS, json!({ "id": { "eq": task["id"] } })).await?;
    let deleted = newest(&client).await?;
    change(&client, &created).await?;
    assert_eq!(
        later(&client, &deleted).await?,
        json!([]),
        "its project is gone"
    );
    Ok(())
}

/// Values that were left out, and rows that nobody wrote.
async fn what_the_log_does_not_hold(server: &TestServer) -> Outcome {
    let client = server.client();
    let id: Json = given::project(&client, "a").await?.into();
    let baseline = newest(&client).await?;
    update(&client, PROJECTS, &id, json!({ "owner": "secret" })).await?;
    update(&client, PROJECTS, &id, json!({ "owner": "open" })).await?;
    let opened = newest(&client).await?;
    let other = PROJECTS
        .create(&client, json!({ "name": "b", "owner": "secret" }))
        .await?;
    delete(&client, PROJECTS, json!({ "id": { "eq": other["id"] } })).await?;
    let deleted = newest(&client).await?;
    let db = server.db().writer();
    let cast = match db.get_database_backend() {
        DbBackend::Postgres => ("text", "json"),
        _ => ("char", "char"),
    };
    let redacted = |image: &str| {
        let quoted = match db.get_database_backend() {
            DbBackend::MySql => format!("`{image}`"),
            _ => format!("\"{image}\""),
        };
        let (read, write) = cast;
        format!(
            "{quoted} = CAST(REPLACE(CAST({quoted} AS {read}), 'secret', '[redacted]') AS {write})"
        )
    };
    let (before, after) = (redacted("before"), redacted("after"));
    for sql in [
        format!("UPDATE change_log SET {before}, {after}"),
        "UPDATE change_log SET source = 'baseline' WHERE id = 1".to_owned(),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    let at = head(&client).await?;
    assert_eq!(later(&client, &opened).await?, json!([]));
    assert_eq!(later(&client, &deleted).await?, json!([]));
    let code = client.code(CHANGE, json!({ "cursor": baseline })).await?;
    assert_eq!(code, "BAD_INPUT");
    assert_eq!(head(&client).await?, at, "nothing was written");
    Ok(())
}

async fn refused(server: &TestServer) -> Outcome {
    let client = server.client();
    let empty = head(&client).await?;
    for (cursor, code) in [
        (json!(""), "CURSOR_INVALID"),
        (json!("0"), "CURSOR_INVALID"),
        (json!("nonsense"), "CURSOR_INVALID"),
        (json!(null), "BAD_INPUT"),
        (json!(1), "BAD_INPUT"),
        (json!("0123456789abcdef.0.0.1"), "RESYNC_REQUIRED"),
        (json!(ahead(&empty)), "RESYNC_REQUIRED"),
        (json!(empty), "NOT_FOUND"),
    ] {
        let code_now = client.code(CHANGE, json!({ "cursor": cursor })).await?;
        assert_eq!(code_now, code, "{cursor}");
    }
    Ok(())
}

/// Two who undo the same at once: one does, the other is told.
async fn reverts_that_race(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = LABELS.create(&client, json!({ "name": "0" })).await?["id"].take();
    let key = json!({ "id": id });
    for round in 1..=5 {
        update(&client, LABELS, &id, json!({ "name": round.to_string() })).await?;
        let cursor = newest(&client).await?;
        let revert = || client.send(CHANGE, json!({ "cursor": cursor }));
        let (one, two, three) = tokio::join!(revert(), revert(), revert());
        let mut won = 0;
        for answer in [one?, two?, three?] {
            match answer.data() {
                Ok(_) => won += 1,
                Err(_) => assert_eq!(answer.code()?, "CONFLICT"),
            }
        }
        assert_eq!(won, 1);
        let page = history(&client, LABELS, json!({ "key": key })).await?;
        assert_eq!(page["nodes"].as_array().map(Vec::len), Some(1 + 2 * round));
    }
    Ok(())
}
