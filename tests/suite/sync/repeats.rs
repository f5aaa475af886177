//! The same content again: an edit whose answer was lost is stored once, and an edit that says what an
//! earlier one said is an edit of its own. None of them is dropped in silence.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{
    Pushed, a_task, changes_of, conflicts, deleted, new_task, pull_all, push, stored, update_task,
    with,
};
use crate::graphql::auth::{guarded, token};
use crate::graphql::given::{LABELS, Names, TASK_LABELS, TASKS};

seachange_testkit::cases![
    an_edit_after_a_lost_answer,
    edits_after_lost_answers_one_after_another,
    ticked_and_unticked,
    ticked_by_a_client_that_has_just_come,
    a_name_back_and_forth,
    a_status_back_and_forth_without_a_pull,
    three_states_in_turn_without_a_pull,
    the_same_edit_from_the_row_as_it_is_now,
    what_another_has_taken_back,
    what_another_has_changed_elsewhere,
    the_same_bytes_of_two_people,
    the_same_conflict_again_after_it_was_decided,
    a_batch_that_goes_back_and_forth_again,
];

async fn taken(client: &Client, names: Names, from: &Json, to: &Json) -> Outcome {
    let pushed = push(client, names, &[(from.clone(), to.clone())]).await?;
    anyhow::ensure!(pushed.is_taken(), "{from} to {to}: {pushed:?}");
    Ok(())
}

async fn title_of(client: &Client, id: &Json) -> anyhow::Result<Json> {
    let id = id.as_str().unwrap_or_default();
    Ok(stored(client, TASKS, id).await?["title"].clone())
}

/// RxDB takes a row in an answer for a conflict, and would put it over what was typed meanwhile: a row
/// that is as it was sent is in no answer, whatever the server has stamped. The next edit then starts
/// from a state with old stamps.
async fn an_edit_after_a_lost_answer(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    let first = with(&task, json!({ "title": "first" }));
    taken(&client, TASKS, &task, &first).await?;
    taken(&client, TASKS, &task, &first).await?;
    let second = with(&first, json!({ "title": "second" }));
    taken(&client, TASKS, &first, &second).await?;
    assert_eq!(title_of(&client, &task["id"]).await?, "second");
    // The stamps come by the pull.
    let (now, _) = pull_all(&client, TASKS).await?;
    assert_ne!(now[0]["updatedAt"], task["updatedAt"]);
    assert!(conflicts(&client).await?.is_empty());
    Ok(())
}

async fn edits_after_lost_answers_one_after_another(server: &TestServer) -> Outcome {
    let client = server.client();
    let new = new_task(&client, "0").await?;
    taken(&client, TASKS, &Json::Null, &new).await?;
    let mut now = new.clone();
    for (count, again) in [1, 2, 3, 2].into_iter().enumerate() {
        let next = with(&now, json!({ "title": format!("{}", count + 1) }));
        for _ in 0..again {
            taken(&client, TASKS, &now, &next).await?;
        }
        now = next;
    }
    assert_eq!(title_of(&client, &new["id"]).await?, "4");
    assert_eq!(changes_of(&client, "task").await?.len(), 5);
    assert!(conflicts(&client).await?.is_empty());
    Ok(())
}

/// A task, a label and the row that joins them.
async fn a_link(client: &Client) -> anyhow::Result<Json> {
    let task = a_task(client, "t").await?;
    let label = json!({ "id": "7", "name": "urgent", "_deleted": false });
    taken(client, LABELS, &Json::Null, &label).await?;
    let id = format!("{}|7", task["id"].as_str().unwrap_or_default());
    Ok(json!({ "id": id, "taskId": task["id"], "labelId": "7", "_deleted": false }))
}

async fn is_ticked(client: &Client) -> anyhow::Result<bool> {
    Ok(!TASK_LABELS.find(client, json!({})).await?.is_empty())
}

async fn ticked_and_unticked(server: &TestServer) -> Outcome {
    let client = server.client();
    let on = a_link(&client).await?;
    let off = deleted(&on);
    taken(&client, TASK_LABELS, &Json::Null, &on).await?;
    for _ in 0..3 {
        taken(&client, TASK_LABELS, &on, &off).await?;
        assert!(!is_ticked(&client).await?);
        taken(&client, TASK_LABELS, &off, &on).await?;
        assert!(is_ticked(&client).await?);
    }
    assert!(conflicts(&client).await?.is_empty());
    assert_eq!(changes_of(&client, "task_label").await?.len(), 7);
    Ok(())
}

/// One that pulls for the first time hears nothing of rows that were deleted.
async fn ticked_by_a_client_that_has_just_come(server: &TestServer) -> Outcome {
    let client = server.client();
    let on = a_link(&client).await?;
    for _ in 0..3 {
        taken(&client, TASK_LABELS, &Json::Null, &on).await?;
        assert!(is_ticked(&client).await?);
        taken(&client, TASK_LABELS, &on, &deleted(&on)).await?;
        assert!(!is_ticked(&client).await?);
    }
    Ok(())
}

async fn a_name_back_and_forth(server: &TestServer) -> Outcome {
    let client = server.client();
    let name = |name: &str| json!({ "id": "7", "name": name, "_deleted": false });
    taken(&client, LABELS, &Json::Null, &name("a")).await?;
    for _ in 0..3 {
        taken(&client, LABELS, &name("a"), &name("b")).await?;
        assert_eq!(stored(&client, LABELS, "7").await?, name("b"));
        taken(&client, LABELS, &name("b"), &name("a")).await?;
        assert_eq!(stored(&client, LABELS, "7").await?, name("a"));
    }
    Ok(())
}

async fn a_status_back_and_forth_without_a_pull(server: &TestServer) -> Outcome {
    let client = server.client();
    let todo = a_task(&client, "t").await?;
    let done = with(&todo, json!({ "status": "done" }));
    for _ in 0..3 {
        for (from, to) in [(&todo, &done), (&done, &todo)] {
            taken(&client, TASKS, from, to).await?;
            // Its answer is lost once.
            taken(&client, TASKS, from, to).await?;
            let id = todo["id"].as_str().unwrap_or_default();
            assert_eq!(stored(&client, TASKS, id).await?["status"], to["status"]);
        }
    }
    assert_eq!(changes_of(&client, "task").await?.len(), 7);
    assert!(conflicts(&client).await?.is_empty());
    Ok(())
}

async fn three_states_in_turn_without_a_pull(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let states = ["todo", "doing", "done"].map(|word| with(&task, json!({ "status": word })));
    for turn in 0..7 {
        let (from, to) = (&states[turn % 3], &states[(turn + 1) % 3]);
        taken(&client, TASKS, from, to).await?;
    }
    assert_eq!(changes_of(&client, "task").await?.len(), 8);
    Ok(())
}

/// Somebody else has taken it back, this client has pulled that, and makes the same edit.
async fn the_same_edit_from_the_row_as_it_is_now(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    taken(
        &client,
        TASKS,
        &task,
        &with(&task, json!({ "title": "one" })),
    )
    .await?;
    update_task(&client, &task["id"], json!({ "title": "zero" })).await?;
    let id = task["id"].as_str().unwrap_or_default();
    let now = stored(&client, TASKS, id).await?;
    taken(&client, TASKS, &now, &with(&now, json!({ "title": "one" }))).await?;
    assert_eq!(title_of(&client, &task["id"]).await?, "one");
    // Where nothing is stamped both are the same bytes.
    let name = |name: &str| json!({ "id": "7", "name": name, "_deleted": false });
    taken(&client, LABELS, &Json::Null, &name("zero")).await?;
    taken(&client, LABELS, &name("zero"), &name("one")).await?;
    let back = json!({ "data": { "name": "zero" }, "filter": { "name": { "eq": "one" } } });
    client.data(&LABELS.update(), back).await?;
    taken(&client, LABELS, &name("zero"), &name("one")).await?;
    assert_eq!(stored(&client, LABELS, "7").await?, name("one"));
    Ok(())
}

/// It cannot be told from an edit made once more, so nothing is undone, and it lies in the inbox.
async fn what_another_has_taken_back(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    let one = with(&task, json!({ "title": "one" }));
    taken(&client, TASKS, &task, &one).await?;
    update_task(&client, &task["id"], json!({ "title": "zero" })).await?;
    let pushed = push(&client, TASKS, &[(task.clone(), one.clone())]).await?;
    assert_eq!(pushed.documents[0]["title"], "zero");
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 1);
    assert_eq!(
        (&filed[0]["status"], &filed[0]["client"]),
        (&json!("OPEN"), &one)
    );
    Ok(())
}

/// What came later is of another column: it stays, and so does the edit that is sent again.
async fn what_another_has_changed_elsewhere(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    let one = with(&task, json!({ "title": "one" }));
    taken(&client, TASKS, &task, &one).await?;
    update_task(&client, &task["id"], json!({ "owner": "ann" })).await?;
    let pushed = push(&client, TASKS, &[(task.clone(), one)]).await?;
    assert!(pushed.rejections.is_empty(), "{pushed:?}");
    let now = &pushed.documents[0];
    assert_eq!(
        (&now["title"], &now["owner"]),
        (&json!("one"), &json!("ann"))
    );
    assert_eq!(changes_of(&client, "task").await?.len(), 3);
    let filed = conflicts(&client).await?;
    assert!(filed.iter().all(|one| one["status"] == "RESOLVED"));
    Ok(())
}

/// An edit belongs to who makes it: another's, of the same bytes, is another edit.
async fn the_same_bytes_of_two_people(server: &TestServer) -> Outcome {
    let guarded = guarded(server).await?;
    let ann = guarded.client().with_token(token("ann")?);
    let ben = guarded.client().with_token(token("ben")?);
    let project = json!({ "id": uuid::Uuid::now_v7().to_string(), "name": "p", "archived": false,
        "_deleted": false });
    let projects = crate::graphql::given::PROJECTS;
    push(&ann, projects, &[(Json::Null, project.clone())]).await?;
    let named = |name: &str| with(&project, json!({ "name": name }));
    taken(&ann, projects, &project, &named("one")).await?;
    taken(&ann, projects, &named("one"), &named("two")).await?;
    // In conflict, as he does not know of it: not Ann's edit, sent again.
    let pushed = push(&ben, projects, &[(project.clone(), named("one"))]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let filed = conflicts(&ben).await?;
    assert_eq!(filed.len(), 1);
    assert_eq!(
        (&filed[0]["status"], &filed[0]["actor"]),
        (&json!("OPEN"), &json!("ben"))
    );
    // And hers is hers: both are in the inbox.
    let pushed: Pushed = push(&ann, projects, &[(project.clone(), named("three"))]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let pushed: Pushed = push(&ben, projects, &[(project.clone(), named("three"))]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let filed = conflicts(&ben).await?;
    let actors: Vec<&Json> = filed.iter().map(|filed| &filed["actor"]).collect();
    assert_eq!(actors, ["ben", "ann", "ben"]);
    guarded.stop().await
}

/// It waits for somebody again.
async fn the_same_conflict_again_after_it_was_decided(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    update_task(&client, &task["id"], json!({ "title": "theirs" })).await?;
    let mine = with(&task, json!({ "title": "mine" }));
    let first = push(&client, TASKS, &[(task.clone(), mine.clone())]).await?;
    let id = first.rejections[0]["conflictId"].clone();
    let decide = "mutation($id: String!) { resolveSyncConflict(id: $id, use: KEEP_SERVER) { id } }";
    client.data(decide, json!({ "id": id })).await?;
    update_task(&client, &task["id"], json!({ "title": "theirs again" })).await?;
    let again = push(&client, TASKS, &[(task.clone(), mine)]).await?;
    assert_eq!(again.codes(), ["CONFLICT"]);
    let filed = conflicts(&client).await?;
    let open: Vec<&Json> = filed.iter().filter(|one| one["status"] == "OPEN").collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["id"], again.rejections[0]["conflictId"]);
    assert_eq!(open[0]["server"]["title"], "theirs again");
    assert_eq!(open[0]["resolvedAt"], Json::Null);
    Ok(())
}

async fn a_batch_that_goes_back_and_forth_again(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "zero").await?;
    let one = with(&task, json!({ "title": "one" }));
    let rows = [
        (task.clone(), one.clone()),
        (one.clone(), task.clone()),
        (task.clone(), one.clone()),
    ];
    for _ in 0..2 {
        assert!(push(&client, TASKS, &rows).await?.is_taken());
        assert_eq!(title_of(&client, &task["id"]).await?, "one");
        assert_eq!(changes_of(&client, "task").await?.len(), 4);
    }
    Ok(())
}
