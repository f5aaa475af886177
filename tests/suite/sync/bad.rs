//! Bad input: each bad row is answered by itself, the others are stored, nothing leaks.

pub mod unreadable;

use serde_json::{Value as Json, json};

use super::memo::{self, MEMOS, memo};
use super::{
    a_task, conflicts, deleted, new_task, pull_query, push, push_query, stored, variables, with,
};
use crate::graphql::given::{LABELS, PROJECTS, TASK_LABELS, TASKS};
use seachange::Policy;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    one_of_each_in_a_batch,
    values_of_no_type,
    values_that_some_databases_refuse,
    wrong_checkpoints,
    whole_requests,
    an_orphan_whose_parent_comes,
    an_orphan_whose_parent_never_comes,
    a_parent_that_others_refer_to,
];

/// Valid, invalid, forbidden by a hook, a unique value taken: each gets its own answer.
async fn one_of_each_in_a_batch(server: &TestServer) -> Outcome {
    let synced = memo::start(server, Policy::manual()).await?;
    let client = synced.client();
    let at = "2026-01-01T00:00:00.000000Z";
    let row = |id: &str, changes: Json| {
        let memo = with(&memo("fine", 1, at), json!({ "id": id }));
        (Json::Null, with(&memo, changes))
    };
    let taken = [row("1", json!({ "place": 1 }))];
    assert!(push(&client, MEMOS, &taken).await?.is_taken());
    let rows = [
        row("2", json!({})),
        row("3", json!({ "votes": "many" })),
        row("4", json!({ "body": "forbidden" })),
        row("5", json!({ "place": 1 })),
        row("6", json!({ "colour": "red" })),
        row("7", json!({ "body": null })),
        row("8", json!({})),
    ];
    let pushed = push(&client, MEMOS, &rows).await?;
    let keys: Vec<&Json> = pushed
        .rejections
        .iter()
        .map(|told| &told["key"]["id"])
        .collect();
    assert_eq!(
        keys,
        [&json!(3), &json!(4), &json!(5), &json!(6), &json!(7)]
    );
    assert_eq!(
        pushed.codes(),
        [
            "BAD_INPUT",
            "BAD_INPUT",
            "CONFLICT",
            "BAD_INPUT",
            "BAD_INPUT"
        ]
    );
    // What is not stored comes back as deleted, with what could be read of it.
    let ids: Vec<&Json> = pushed.documents.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, ["3", "4", "5", "6", "7"]);
    assert!(pushed.documents.iter().all(|row| row["_deleted"] == true));
    assert_eq!(pushed.documents[0]["votes"], 0);
    assert_eq!(pushed.documents[1]["body"], "forbidden");
    let filed = conflicts(&client).await?;
    for (key, reason) in [
        (4, "nobody writes this"),
        (5, "a row with this key or unique value exists"),
        (6, "unknown field `colour`"),
        (7, "`body` is missing"),
    ] {
        let key = json!({ "id": key });
        let of_row = |told: &&Json| told["key"] == key;
        let filed = filed.iter().find(of_row).map(|filed| &filed["reason"]);
        assert_eq!(filed, Some(&json!(reason)));
        let told = pushed.rejections.iter().find(of_row);
        assert_eq!(told.map(|told| &told["reason"]), Some(&json!(reason)));
    }
    assert!(filed.iter().all(|filed| filed["status"] == "REJECTED"));
    let stored = MEMOS.find(&client, json!({})).await?;
    assert_eq!(stored.len(), 3);
    synced.finish().await
}

async fn values_of_no_type(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    for changes in [
        json!({ "priority": 1.5 }),
        json!({ "priority": 1e30 }),
        json!({ "estimate": "12345678901.5" }),
        json!({ "dueOn": "tomorrow" }),
        json!({ "title": null }),
        json!({ "title": ["a"] }),
        json!({ "status": "sleeping" }),
        json!({ "projectId": "nobody" }),
        json!({ "_deleted": "yes" }),
        json!({ "nope": 1 }),
    ] {
        let edited = with(&task, changes.clone());
        let pushed = push(&client, TASKS, &[(task.clone(), edited)]).await?;
        assert_eq!(pushed.codes(), ["BAD_INPUT"], "{changes}");
        assert_eq!(pushed.documents, std::slice::from_ref(&task), "{changes}");
    }
    // A key that changes, and keys that are none.
    let moved = with(&task, json!({ "id": uuid::Uuid::now_v7().to_string() }));
    let pushed = push(&client, TASKS, &[(task.clone(), moved)]).await?;
    assert_eq!(pushed.codes(), ["BAD_INPUT"]);
    for (names, row) in [
        (
            TASKS,
            json!({ "id": "no uuid", "title": "t", "projectId": task["projectId"] }),
        ),
        (LABELS, json!({ "id": "seven", "name": "l" })),
        // Stored under another spelling, the client would not know its row again.
        (LABELS, json!({ "id": "007", "name": "l" })),
        (LABELS, json!({ "id": "-0", "name": "l" })),
        (LABELS, json!({ "id": "99999999999999999999", "name": "l" })),
        (
            TASK_LABELS,
            json!({ "id": "a|b", "taskId": "a", "labelId": "b" }),
        ),
    ] {
        let pushed = push(&client, names, &[(Json::Null, row.clone())]).await?;
        assert_eq!(pushed.codes(), ["BAD_INPUT"], "{row}");
        assert_eq!(pushed.documents[0]["_deleted"], true);
        assert_eq!(
            pushed.documents[0]["id"], row["id"],
            "the client knows its row again"
        );
    }
    let id = task["id"].as_str().unwrap_or_default();
    assert_eq!(stored(&client, TASKS, id).await?, task);
    Ok(())
}

/// What one database stores and another does not: the row alone comes back.
async fn values_that_some_databases_refuse(server: &TestServer) -> Outcome {
    let client = server.client();
    let sound = new_task(&client, "sound").await?;
    let nested: Json = serde_json::from_str(&format!("{}1{}", "[".repeat(60), "]".repeat(60)))?;
    let odd = [
        json!({ "title": "a\u{0}b" }),
        json!({ "details": { "a": "\u{0}" } }),
        json!({ "details": { "\u{0}": 1 } }),
        json!({ "details": nested }),
        json!({ "dueOn": "9999999-01-01" }),
        json!({ "dueOn": "-0001-01-01" }),
        json!({ "title": "x".repeat(1_000_000) }),
    ];
    let mut rows = vec![(Json::Null, sound.clone())];
    rows.extend(odd.map(|changes| {
        let id = uuid::Uuid::now_v7().to_string();
        let row = with(&sound, json!({ "id": id }));
        (Json::Null, with(&row, changes))
    }));
    let pushed = push(&client, TASKS, &rows).await?;
    assert!(
        pushed.codes().iter().all(|code| *code == "BAD_INPUT"),
        "{:?}",
        pushed.rejections
    );
    let stored = TASKS.find(&client, json!({})).await?;
    assert_eq!(stored.len() + pushed.rejections.len(), rows.len());
    assert!(stored.iter().any(|row| row["id"] == sound["id"]));
    Ok(())
}

async fn wrong_checkpoints(server: &TestServer) -> Outcome {
    let client = server.client();
    let epoch = server.epoch().await?;
    for cursor in [
        "",
        "nonsense",
        "~",
        "0",
        &format!("{epoch}.0.0.0~!!!"),
        &format!("{epoch}.0.0.0~e30"),
        &format!("{epoch}.0.0.0~eyJpZCI6MX0"),
    ] {
        let variables = json!({ "checkpoint": { "cursor": cursor }, "limit": 5 });
        let answer = client.send(&pull_query(TASKS), variables).await?;
        assert_eq!(answer.code()?, "CURSOR_INVALID", "{cursor}");
    }
    for (checkpoint, code) in [
        (json!({}), "BAD_INPUT"),
        (json!({ "cursor": null }), "BAD_INPUT"),
        (json!({ "cursor": 5 }), "BAD_INPUT"),
        (json!("x"), "CURSOR_INVALID"),
    ] {
        let variables = json!({ "checkpoint": checkpoint, "limit": 5 });
        let answer = client.send(&pull_query(TASKS), variables).await?;
        assert_eq!(answer.code()?, code, "{checkpoint}");
    }
    Ok(())
}

async fn whole_requests(server: &TestServer) -> Outcome {
    let client = server.client();
    let new = new_task(&client, "t").await?;
    let many: Vec<(Json, Json)> = (0..1_001).map(|_| (Json::Null, new.clone())).collect();
    let answer = client.send(&push_query(TASKS), variables(&many)).await?;
    assert_eq!(answer.code()?, "LIMIT_EXCEEDED");
    for rows in [
        json!({ "rows": [{ "newDocumentState": { "title": "no key" } }] }),
        json!({ "rows": [{ "newDocumentState": { "id": ["a"] } }] }),
        json!({ "rows": [{ "newDocumentState": "a" }] }),
        json!({ "rows": [{ "assumedMasterState": null }] }),
        json!({ "rows": "a" }),
    ] {
        let answer = client.send(&push_query(TASKS), rows.clone()).await?;
        assert_eq!(answer.code()?, "BAD_INPUT", "{rows}");
    }
    let unsynced = "{ pullSpecimen(limit: 1) { checkpoint { cursor } } }";
    assert_eq!(client.send(unsynced, json!({})).await?.code()?, "BAD_INPUT");
    assert!(TASKS.find(&client, json!({})).await?.is_empty());
    Ok(())
}

async fn an_orphan_whose_parent_comes(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = json!({ "id": uuid::Uuid::now_v7().to_string(), "name": "p", "archived": false });
    let id = uuid::Uuid::now_v7().to_string();
    let orphan = json!({ "id": id, "projectId": project["id"], "title": "t", "status": "todo", "priority": 0 });
    let other = with(&new_task(&client, "other").await?, json!({}));
    let rows = [(Json::Null, other), (Json::Null, orphan)];
    let answer = client.send(&push_query(TASKS), variables(&rows)).await?;
    assert_eq!(answer.code()?, "UNAVAILABLE");
    assert!(
        TASKS.find(&client, json!({})).await?.is_empty(),
        "nothing of the batch"
    );
    assert!(
        push(&client, PROJECTS, &[(Json::Null, project)])
            .await?
            .is_taken()
    );
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    Ok(())
}

async fn an_orphan_whose_parent_never_comes(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = uuid::Uuid::now_v7().to_string();
    let orphan = json!({ "id": id, "projectId": uuid::Uuid::nil().to_string(), "title": "t", "status": "todo", "priority": 0 });
    let other = new_task(&client, "other").await?;
    let rows = [(Json::Null, orphan.clone()), (Json::Null, other)];
    for attempt in 1..=3 {
        let answer = client.send(&push_query(TASKS), variables(&rows)).await?;
        assert_eq!(answer.code()?, "UNAVAILABLE", "attempt {attempt}");
    }
    let pushed = push(&client, TASKS, &rows).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    assert_eq!(pushed.documents[0]["id"], json!(id));
    assert_eq!(pushed.documents[0]["_deleted"], true);
    assert_eq!(
        TASKS.find(&client, json!({})).await?.len(),
        1,
        "the queue moves on"
    );
    assert_eq!(conflicts(&client).await?[0]["client"], orphan);
    Ok(())
}

async fn a_parent_that_others_refer_to(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "t").await?;
    let id = task["projectId"].as_str().unwrap_or_default();
    let project = stored(&client, PROJECTS, id).await?;
    let rows = [(project.clone(), deleted(&project))];
    // Those that refer to it may be about to go, in another batch.
    for attempt in 1..=3 {
        let answer = client.send(&push_query(PROJECTS), variables(&rows)).await?;
        assert_eq!(answer.code()?, "UNAVAILABLE", "attempt {attempt}");
    }
    let pushed = push(&client, PROJECTS, &rows).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    assert_eq!(pushed.documents, [project]);
    Ok(())
}
