//! What a client pushes, rule by rule: stored as sent, or the row comes back.

pub mod at_once;

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{
    a_task, changes_of, conflicts, delete_task, deleted, new_task, push, stored, update_task, with,
};
use crate::graphql::given::{LABELS, PROJECTS, TASK_LABELS, TASKS, project};

seachange_testkit::cases![
    a_new_row_and_again,
    an_edit_and_again,
    what_came_later_survives_a_retry,
    what_came_later_survives_where_nothing_is_stamped,
    deletes_and_recreates,
    a_row_with_this_key_is_there,
    a_row_that_was_deleted,
    a_row_that_was_purged,
    sparse_rows_and_columns_that_a_client_does_not_know,
    every_kind_of_key,
    each_change_tells_whose_it_is,
    several_rows_in_one_transaction,
    the_same_row_twice_in_a_batch,
];

async fn a_new_row_and_again(server: &TestServer) -> Outcome {
    let client = server.client();
    let new = new_task(&client, "made offline").await?;
    let rows = [(Json::Null, new.clone())];
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    let before = changes_of(&client, "task").await?.len();
    // The answer was lost, the client sends it again. What the server stamped comes by the pull.
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    assert_eq!(changes_of(&client, "task").await?.len(), before);
    let id = new["id"].as_str().unwrap_or_default();
    assert!(stored(&client, TASKS, id).await?["updatedAt"].is_string());
    assert!(conflicts(&client).await?.is_empty());
    Ok(())
}

async fn an_edit_and_again(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "before").await?;
    let changes = json!({ "title": "after", "estimate": "1.5", "details": {"a": [1]} });
    let rows = [(task.clone(), with(&task, changes))];
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    let changes = changes_of(&client, "task").await?;
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    assert_eq!(changes_of(&client, "task").await?, changes);
    let id = task["id"].as_str().unwrap_or_default();
    let found = &stored(&client, TASKS, id).await?;
    assert_eq!(found["title"], "after");
    assert_eq!(found["estimate"], "1.50");
    assert_eq!(found["details"], json!({"a": [1]}));
    assert_ne!(found["updatedAt"], task["updatedAt"]);
    Ok(())
}

/// Sent again, because its answer was lost, an edit undoes nothing: not a later edit, not one that took
/// it back, not a delete. Where it may have been made once more it lies in the inbox.
async fn what_came_later_survives_a_retry(server: &TestServer) -> Outcome {
    let client = server.client();
    for (undone, codes) in [("second", &[] as &[&str]), ("zero", &["CONFLICT"])] {
        let task = a_task(&client, "zero").await?;
        let first = with(&task, json!({ "title": "first" }));
        let rows = [(task.clone(), first)];
        assert!(push(&client, TASKS, &rows).await?.is_taken());
        update_task(&client, &task["id"], json!({ "title": undone })).await?;
        let pushed = push(&client, TASKS, &rows).await?;
        assert_eq!(pushed.documents[0]["title"], undone);
        assert_eq!(pushed.codes(), codes);
    }
    let new = new_task(&client, "new").await?;
    let rows = [(Json::Null, new.clone())];
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    delete_task(&client, &new["id"]).await?;
    let pushed = push(&client, TASKS, &rows).await?;
    assert_eq!(pushed.documents[0]["_deleted"], true);
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let filed = conflicts(&client).await?;
    let statuses: Vec<&Json> = filed.iter().map(|filed| &filed["status"]).collect();
    assert_eq!(statuses, ["RESOLVED", "OPEN", "OPEN"]);
    Ok(())
}

/// The same where nothing tells when the row is that an edit was made from. An edit from the row as it is
/// now is stored: nothing tells it from one sent again.
async fn what_came_later_survives_where_nothing_is_stamped(server: &TestServer) -> Outcome {
    let client = server.client();
    let label = |name: &str| json!({ "id": "7", "name": name, "_deleted": false });
    let create = [(Json::Null, label("zero"))];
    assert!(push(&client, LABELS, &create).await?.is_taken());
    let edit = [(label("zero"), label("first"))];
    assert!(push(&client, LABELS, &edit).await?.is_taken());
    let rows = [(label("first"), label("second"))];
    assert!(push(&client, LABELS, &rows).await?.is_taken());
    let pushed = push(&client, LABELS, &edit).await?;
    assert_eq!(pushed.documents, [label("second")]);
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 1);
    assert_eq!(
        (&filed[0]["status"], &filed[0]["client"]),
        (&json!("RESOLVED"), &label("first"))
    );
    // Gone by somebody else's hand: no row rises from the dead.
    let gone = json!({ "filter": { "name": { "eq": "second" } } });
    client.data(&LABELS.delete(), gone).await?;
    let pushed = push(&client, LABELS, &create).await?;
    assert_eq!(pushed.documents[0]["_deleted"], true);
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    Ok(())
}

async fn deletes_and_recreates(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let gone = deleted(&task);
    assert!(
        push(&client, TASKS, &[(task.clone(), gone.clone())])
            .await?
            .is_taken()
    );
    assert!(
        push(&client, TASKS, &[(task.clone(), gone.clone())])
            .await?
            .is_taken()
    );
    // Made anew by the client that knows that it is gone.
    let anew = with(&task, json!({ "title": "anew" }));
    assert!(
        push(&client, TASKS, &[(gone.clone(), anew.clone())])
            .await?
            .is_taken()
    );
    let id = task["id"].as_str().unwrap_or_default();
    assert_eq!(stored(&client, TASKS, id).await?["title"], "anew");
    // A row that the server has never seen, deleted before it came.
    let never = deleted(&new_task(&client, "never").await?);
    assert!(
        push(&client, TASKS, &[(Json::Null, never)])
            .await?
            .is_taken()
    );
    let operations: Vec<Json> = changes_of(&client, "task").await?;
    let operations: Vec<&Json> = operations
        .iter()
        .map(|change| &change["operation"])
        .collect();
    assert_eq!(operations, ["INSERT", "DELETE", "INSERT"]);
    Ok(())
}

async fn a_row_with_this_key_is_there(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "theirs").await?;
    let mine = with(&task, json!({ "title": "mine" }));
    let pushed = push(&client, TASKS, &[(Json::Null, mine)]).await?;
    assert_eq!(pushed.documents, [task]);
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    assert_eq!(conflicts(&client).await?[0]["status"], "OPEN");
    Ok(())
}

/// No row rises from the dead: neither an edit nor an insert brings back what another has deleted.
async fn a_row_that_was_deleted(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    delete_task(&client, &task["id"]).await?;
    let edited = with(&task, json!({ "title": "edited offline" }));
    for assumed in [task.clone(), Json::Null] {
        let pushed = push(&client, TASKS, &[(assumed, edited.clone())]).await?;
        assert_eq!(pushed.documents, [deleted(&task)]);
        assert_eq!(pushed.codes(), ["CONFLICT"]);
    }
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 2);
    assert_eq!(
        filed[0]["reason"],
        "deleted on the server, edited by the client"
    );
    assert_eq!(filed[0]["client"]["title"], "edited offline");
    assert_eq!(filed[0]["server"]["_deleted"], true);
    Ok(())
}

async fn a_row_that_was_purged(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    delete_task(&client, &task["id"]).await?;
    server.prune_all().await?;
    let edited = with(&task, json!({ "title": "edited long ago" }));
    let pushed = push(&client, TASKS, &[(task.clone(), edited)]).await?;
    assert_eq!(pushed.documents[0]["_deleted"], true);
    assert_eq!(pushed.documents[0]["id"], task["id"]);
    let filed = conflicts(&client).await?;
    assert_eq!(filed[0]["client"]["title"], "edited long ago");
    Ok(())
}

async fn sparse_rows_and_columns_that_a_client_does_not_know(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = project(&client, "p").await?;
    let id = uuid::Uuid::now_v7().to_string();
    let sparse = json!({ "id": id, "projectId": project, "title": "sparse" });
    let pushed = push(&client, TASKS, &[(Json::Null, sparse.clone())]).await?;
    // What the insert filled in comes back.
    assert_eq!(pushed.documents[0]["status"], "todo");
    assert!(pushed.rejections.is_empty());
    // The server writes a column that this client does not know of: its edit is in nobody's way, and
    // leaves that column alone.
    update_task(&client, &json!(id), json!({ "owner": "somebody" })).await?;
    let edited = with(&sparse, json!({ "title": "edited" }));
    let pushed = push(&client, TASKS, &[(sparse.clone(), edited.clone())]).await?;
    assert!(pushed.rejections.is_empty());
    assert_eq!(pushed.documents[0]["owner"], "somebody");
    assert_eq!(pushed.documents[0]["title"], "edited");
    // Cleared: it was there, and is left out.
    let known = with(&edited, json!({ "owner": "somebody" }));
    let pushed = push(&client, TASKS, &[(known, edited.clone())]).await?;
    assert!(pushed.rejections.is_empty(), "{pushed:?}");
    assert_eq!(stored(&client, TASKS, &id).await?["owner"], Json::Null);
    Ok(())
}

async fn every_kind_of_key(server: &TestServer) -> Outcome {
    let client = server.client();
    let label = json!({ "id": "4611686018427387905", "name": "made offline" });
    assert!(
        push(&client, LABELS, &[(Json::Null, label.clone())])
            .await?
            .is_taken()
    );
    let task = a_task(&client, "t").await?;
    let both = format!(
        "{}|{}",
        task["id"].as_str().unwrap_or_default(),
        "4611686018427387905"
    );
    let link =
        json!({ "id": both, "taskId": task["id"], "labelId": label["id"], "_deleted": false });
    assert!(
        push(&client, TASK_LABELS, &[(Json::Null, link.clone())])
            .await?
            .is_taken()
    );
    assert_eq!(stored(&client, TASK_LABELS, &both).await?, link);
    assert!(
        push(&client, TASK_LABELS, &[(link.clone(), deleted(&link))])
            .await?
            .is_taken()
    );
    assert!(
        push(&client, LABELS, &[(label.clone(), deleted(&label))])
            .await?
            .is_taken()
    );
    assert!(TASK_LABELS.find(&client, json!({})).await?.is_empty());
    Ok(())
}

async fn each_change_tells_whose_it_is(server: &TestServer) -> Outcome {
    let client = server.client();
    let new = new_task(&client, "t").await?;
    let comment = json!({ "id": uuid::Uuid::now_v7().to_string(), "taskId": new["id"],
        "author": "a", "body": "b", "_deleted": false });
    let other = with(&comment, json!({ "id": uuid::Uuid::now_v7().to_string() }));
    push(&client, TASKS, &[(Json::Null, new)]).await?;
    let rows = [(Json::Null, comment), (Json::Null, other)];
    // Triggers write these, on behalf of each row's own push.
    assert!(
        push(&client, crate::graphql::given::COMMENTS, &rows)
            .await?
            .is_taken()
    );
    let changes = changes_of(&client, "comment").await?;
    assert_eq!(changes.len(), 2);
    let ids: Vec<&str> = changes
        .iter()
        .filter_map(|c| c["mutationId"].as_str())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(changes[0]["transactionId"], changes[1]["transactionId"]);
    // What others write afterwards is theirs alone.
    let named = client.with_header("idempotency-key", "my-own");
    super::update_task(
        &client,
        &changes[0]["after"]["task_id"],
        json!({ "priority": 3 }),
    )
    .await?;
    let body = json!({ "data": { "body": "c" }, "all": true });
    named
        .data(&crate::graphql::given::COMMENTS.update(), body)
        .await?;
    let changes = changes_of(&client, "comment").await?;
    assert_eq!(changes[3]["mutationId"], "my-own");
    Ok(())
}

async fn several_rows_in_one_transaction(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = project(&client, "p").await?;
    let rows: Vec<(Json, Json)> = (0..50)
        .map(|n| {
            let id = uuid::Uuid::now_v7().to_string();
            let task = json!({ "id": id, "projectId": project, "title": format!("t{n}"),
                "status": "doing", "priority": n, "_deleted": false });
            (Json::Null, task)
        })
        .collect();
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    let changes = changes_of(&client, "task").await?;
    let first = &changes[0]["transactionId"];
    assert_eq!(changes.len(), 50);
    assert!(
        changes
            .iter()
            .all(|change| change["transactionId"] == *first)
    );
    assert!(push(&client, PROJECTS, &[]).await?.is_taken());
    let none = "mutation { pushTask { id } }";
    assert_eq!(client.data(none, json!({})).await?["pushTask"], json!([]));
    Ok(())
}

async fn the_same_row_twice_in_a_batch(server: &TestServer) -> Outcome {
    let client = server.client();
    let new = new_task(&client, "one").await?;
    let two = with(&new, json!({ "title": "two" }));
    let rows = [
        (Json::Null, new.clone()),
        (new.clone(), two.clone()),
        (two.clone(), deleted(&two)),
    ];
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    assert_eq!(changes_of(&client, "task").await?.len(), 3);
    Ok(())
}
