//! What a client pulls: every row once, as it is, and then what has changed.

use std::collections::BTreeSet;

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{SYNCED, a_task, delete_task, pull, pull_all, pull_query, stored, update_task};
use crate::graphql::given::{LABELS, PROJECTS, TASK_LABELS, TASKS, task};

seachange_testkit::cases![
    pages_of_the_table_and_of_the_log,
    nothing_new,
    each_row_once_in_its_latest_state,
    tombstones_have_the_last_values,
    rows_from_before_tracking,
    what_changes_while_it_pages,
    keys_of_every_kind,
    limits,
    behind_what_is_kept_and_another_log,
];

async fn pages_of_the_table_and_of_the_log(server: &TestServer) -> Outcome {
    let client = server.client();
    for n in 0..7 {
        server.label(&format!("l{n}")).await?;
    }
    for limit in [1, 2, 3, 7, 8, 100] {
        let (mut seen, mut checkpoint) = (Vec::new(), Json::Null);
        loop {
            let (documents, next) = pull(&client, LABELS, checkpoint, limit).await?;
            assert!(documents.len() <= limit, "{limit}");
            let is_last = documents.len() < limit;
            seen.extend(documents.iter().map(|label| label["name"].to_string()));
            checkpoint = next;
            if is_last {
                break;
            }
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (7, 7), "pages of {limit}");
        let (again, _) = pull(&client, LABELS, checkpoint.clone(), limit).await?;
        assert!(again.is_empty(), "{again:?}");
    }
    // A page that begins in the table and ends in the log.
    let (first, checkpoint) = pull(&client, LABELS, Json::Null, 5).await?;
    server.label("after").await?;
    let (second, checkpoint) = pull(&client, LABELS, checkpoint, 5).await?;
    let names: Vec<&Json> = first
        .iter()
        .chain(&second)
        .map(|label| &label["name"])
        .collect();
    assert_eq!(names.len(), 8, "{names:?}");
    server.label("later").await?;
    let (third, _) = pull(&client, LABELS, checkpoint, 5).await?;
    assert_eq!(third.len(), 1);
    assert_eq!(third[0]["name"], "later");
    Ok(())
}

async fn nothing_new(server: &TestServer) -> Outcome {
    let client = server.client();
    for names in SYNCED {
        let (documents, checkpoint) = pull(&client, names, Json::Null, 10).await?;
        assert!(documents.is_empty());
        let (documents, again) = pull(&client, names, checkpoint.clone(), 10).await?;
        assert!(documents.is_empty());
        assert!(again["cursor"].is_string());
    }
    Ok(())
}

async fn each_row_once_in_its_latest_state(server: &TestServer) -> Outcome {
    let client = server.client();
    let (one, other) = (
        a_task(&client, "one").await?,
        a_task(&client, "other").await?,
    );
    let (_, checkpoint) = pull_all(&client, TASKS).await?;
    for priority in 1..=20 {
        update_task(&client, &one["id"], json!({ "priority": priority })).await?;
    }
    update_task(&client, &other["id"], json!({ "title": "renamed" })).await?;
    let (documents, checkpoint) = pull(&client, TASKS, checkpoint, 10).await?;
    assert_eq!(documents.len(), 2, "{documents:?}");
    let found = documents.iter().find(|task| task["id"] == one["id"]);
    assert_eq!(found.map(|task| &task["priority"]), Some(&json!(20)));
    let (rest, _) = pull(&client, TASKS, checkpoint, 10).await?;
    assert!(rest.is_empty());
    Ok(())
}

async fn tombstones_have_the_last_values(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "to go").await?;
    let (_, checkpoint) = pull_all(&client, TASKS).await?;
    delete_task(&client, &task["id"]).await?;
    let (documents, _) = pull(&client, TASKS, checkpoint, 10).await?;
    assert_eq!(documents, [super::deleted(&task)]);
    // One that knew nothing of it is not told.
    let (all, _) = pull_all(&client, TASKS).await?;
    assert!(all.is_empty());
    Ok(())
}

async fn rows_from_before_tracking(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = task(&client, "old").await?;
    let newest = server.server().feed().head().await?;
    // As if the log had never known of it.
    server.prune_all().await?;
    let old = stored(&client, TASKS, &id).await?;
    assert_eq!(old["title"], "old");
    let behind = json!({ "cursor": newest.to_string() });
    let (documents, _) = pull(&client, TASKS, behind, 10).await?;
    assert!(documents.is_empty(), "nothing has changed since");
    Ok(())
}

/// Rows come and go between the pages of a first pull, before and after the key that it has reached.
async fn what_changes_while_it_pages(server: &TestServer) -> Outcome {
    let client = server.client();
    for n in (10..30).step_by(2) {
        label(server, n).await?;
    }
    let (mut all, mut checkpoint) = (Vec::new(), Json::Null);
    let mut n = 0;
    loop {
        let (documents, next) = pull(&client, LABELS, checkpoint, 3).await?;
        let is_last = documents.len() < 3;
        all.extend(documents);
        checkpoint = next;
        if is_last && n >= 8 {
            break;
        }
        if n < 8 {
            // Behind and before the place where it is.
            label(server, 11 + 2 * n).await?;
            label(server, 9 - n).await?;
            let drop = json!({ "filter": { "id": { "eq": 10 + 2 * n } } });
            client.data(&LABELS.delete(), drop).await?;
        }
        n += 1;
    }
    let mut replica = std::collections::BTreeMap::new();
    for document in &all {
        replica.insert(document["id"].to_string(), document["_deleted"] == true);
    }
    let living = replica.iter().filter(|(_, is_deleted)| !**is_deleted);
    let living: BTreeSet<String> = living.map(|(id, _)| id.clone()).collect();
    let there = LABELS.find(&client, json!({})).await?;
    let there: BTreeSet<String> = there.iter().map(|label| label["id"].to_string()).collect();
    assert_eq!(living, there);
    Ok(())
}

async fn label(server: &TestServer, id: i32) -> Outcome {
    let data = json!({ "id": id, "name": format!("n{id}") });
    LABELS.create(&server.client(), data).await?;
    Ok(())
}

async fn keys_of_every_kind(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let label = json!({ "id": 9_007_199_254_740_993_i64, "name": "wide" });
    LABELS.create(&client, label).await?;
    let link = json!({ "taskId": task["id"], "labelId": 9_007_199_254_740_993_i64 });
    TASK_LABELS.create(&client, link).await?;
    let (labels, _) = pull_all(&client, LABELS).await?;
    assert_eq!(labels[0]["id"], "9007199254740993");
    let (links, _) = pull_all(&client, TASK_LABELS).await?;
    let id = task["id"].as_str().unwrap_or_default();
    assert_eq!(links[0]["id"], format!("{id}|9007199254740993"));
    assert_eq!(links[0]["labelId"], "9007199254740993");
    Ok(())
}

async fn limits(server: &TestServer) -> Outcome {
    let client = server.client();
    for (limit, code) in [
        (0, "BAD_INPUT"),
        (-1, "BAD_INPUT"),
        (10_001, "LIMIT_EXCEEDED"),
    ] {
        let variables = json!({ "limit": limit });
        let answer = client.send(&pull_query(PROJECTS), variables).await?;
        assert_eq!(answer.code()?, code, "{limit}");
    }
    let (_, checkpoint) = pull(&client, PROJECTS, Json::Null, 10_000).await?;
    assert!(checkpoint["cursor"].is_string());
    Ok(())
}

async fn behind_what_is_kept_and_another_log(server: &TestServer) -> Outcome {
    let client = server.client();
    let (_, before) = pull_all(&client, TASKS).await?;
    let (_, in_table) = {
        a_task(&client, "one").await?;
        a_task(&client, "two").await?;
        pull(&client, TASKS, Json::Null, 1).await?
    };
    a_task(&client, "between").await?;
    server.prune_all().await?;
    a_task(&client, "three").await?;
    for checkpoint in [&before, &in_table] {
        let variables = json!({ "checkpoint": checkpoint, "limit": 10 });
        let answer = client.send(&pull_query(TASKS), variables).await?;
        assert_eq!(answer.code()?, "RESYNC_REQUIRED", "{checkpoint}");
    }
    let (_, now) = pull_all(&client, TASKS).await?;
    seachange::changelog::new_epoch(server.db().writer()).await?;
    let variables = json!({ "checkpoint": now, "limit": 10 });
    let answer = client.send(&pull_query(TASKS), variables).await?;
    assert_eq!(answer.code()?, "RESYNC_REQUIRED");
    let (all, _) = pull_all(&client, TASKS).await?;
    assert_eq!(all.len(), 4);
    Ok(())
}
