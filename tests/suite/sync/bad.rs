//! Bad input: each bad row is answered by itself, the others are stored, nothing leaks.

use serde_json::{Value as Json, json};

use super::inbox::resolve;
use super::memo::{self, MEMOS, memo};
use super::{
    a_task, conflicts, deleted, new_task, pull_query, push, push_query, stored, variables, with,
};
use crate::graphql::given::{LABELS, PROJECTS, TASK_LABELS, TASKS};
use seachange::Policy;
use seachange_testkit::{Outcome, TestServer};
use tokio_tungstenite::tungstenite::Message;

seachange_testkit::cases![
    one_of_each_in_a_batch,
    values_of_no_type,
    values_that_no_reader_takes,
    keys_and_names_that_no_reader_takes,
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

/// Half of a surrogate pair, nesting without end, a number out of range: JSON's readers stop there, and the
/// row alone is refused all the same. The inbox has its text.
async fn values_that_no_reader_takes(server: &TestServer) -> Outcome {
    let client = server.client();
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let sound = new_task(&client, "sound").await?;
    let edited = a_task(&client, "before").await?;
    let bad = [
        ("title", r#""cut \ud83d""#.to_owned()),
        ("body", r#""\udc00""#.to_owned()),
        ("details", r#"{"a": ["\ud83d"]}"#.to_owned()),
        ("details", deep(5_000)),
        ("details", deep(101)),
        ("priority", "1e400".to_owned()),
        ("details", r#"{"n": -1e999}"#.to_owned()),
        ("estimate", "1e400".to_owned()),
        ("nope\\ud83d", "1".to_owned()),
    ];
    let mut rows = vec![json!({ "newDocumentState": sound }).to_string()];
    let mut ids = Vec::new();
    for (field, value) in &bad {
        let id = uuid::Uuid::now_v7().to_string();
        let row = with(&sound, json!({ "id": id, "title": "t" }));
        let row = with(&row, json!({ *field: "PLACE" }));
        let row = row.to_string().replace("\"PLACE\"", value);
        rows.push(format!(r#"{{"newDocumentState": {row}}}"#));
        ids.push(id);
    }
    // An edit of a row that is there gets the row back.
    let broken = with(&edited, json!({ "title": "PLACE" })).to_string();
    let broken = broken.replace("PLACE", "\\udfff");
    rows.push(format!(
        r#"{{"assumedMasterState": {edited}, "newDocumentState": {broken}}}"#
    ));
    let variables = format!(r#"{{"rows": [{}]}}"#, rows.join(","));
    let body = format!(
        r#"{{"query": {}, "variables": {variables}}}"#,
        json!(push_query(TASKS))
    );
    let answer = client.post_text(body).await?;
    let documents = crate::graphql::given::list(answer.data()?["rows"].clone())?;
    assert_eq!(documents.len(), bad.len() + 1, "{documents:?}");
    assert_eq!(documents.last(), Some(&edited));
    let rejections = &answer.body["extensions"]["rejections"];
    for (place, (field, _)) in bad.iter().enumerate() {
        let told = &rejections[place];
        assert_eq!(told["key"]["id"], json!(ids[place]));
        assert_eq!(told["code"], "BAD_INPUT", "{field}");
        let reason = told["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(&field[..4]), "{reason}");
    }
    let id = sound["id"].as_str().unwrap_or_default();
    assert_eq!(stored(&client, TASKS, id).await?["title"], "sound");
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), bad.len() + 1);
    assert_eq!(
        filed[0]["client"]["title"],
        json!({ "$unreadable": r#""cut \ud83d""# })
    );
    // As deep as may be, and outside of pushed rows nothing is taken that is no JSON.
    let kept = new_task(&client, "deep").await?;
    let depth = if matches!(server.kind, seachange_testkit::Database::MariaDb(_)) {
        30
    } else {
        100
    };
    let details: Json = serde_json::from_str(&deep(depth))?;
    let rows = [(Json::Null, with(&kept, json!({ "details": details })))];
    assert!(push(&client, TASKS, &rows).await?.is_taken());
    let other = r#"{"query": "mutation($t: String!) { labelCreateOne(data: {name: $t}) { id } }",
        "variables": {"t": "\ud83d"}}"#;
    assert_eq!(client.post_text(other).await?.code()?, "BAD_INPUT");
    Ok(())
}

/// The same in a key, which is then reported as it was sent, and in the name of a field; over HTTP and over a
/// socket. No document names such a key: the client would take it for a row that it has not sent.
async fn keys_and_names_that_no_reader_takes(server: &TestServer) -> Outcome {
    let client = server.client();
    let sound = new_task(&client, "sound").await?;
    let id = uuid::Uuid::now_v7().to_string();
    let named = with(&sound, json!({ "id": id })).to_string();
    let link = with(
        &json!({ "taskId": sound["id"], "labelId": "7" }),
        json!({ "taskId": "PLACE" }),
    );
    for (over_socket, names, bad, key, is_named) in [
        (
            false,
            TASKS,
            with(&sound, json!({ "id": "PLACE" })).to_string(),
            json!({ "id": { "$unreadable": r#""\ud83d""# } }),
            false,
        ),
        (
            true,
            TASKS,
            with(&sound, json!({ "id": "PLACE" })).to_string(),
            json!({ "id": { "$unreadable": r#""\ud83d""# } }),
            false,
        ),
        (
            false,
            TASK_LABELS,
            link.to_string(),
            json!({ "task_id": { "$unreadable": r#""\ud83d""# }, "label_id": "7" }),
            false,
        ),
        (
            false,
            TASKS,
            named.replacen('{', r#"{"PLACE": 1, "PLACE": 2, "#, 1),
            json!({ "id": id }),
            true,
        ),
        (
            true,
            TASKS,
            named.replacen('{', r#"{"PLACE": 1, "PLACE": 2, "#, 1),
            json!({ "id": id }),
            true,
        ),
    ] {
        let bad = bad.replace("PLACE", "\\ud83d");
        let mut rows = vec![format!(r#"{{"newDocumentState": {bad}}}"#)];
        if names.object == TASKS.object {
            rows.push(json!({ "newDocumentState": sound }).to_string());
        }
        let request = format!(
            r#"{{"query": {}, "variables": {{"rows": [{}]}}}}"#,
            json!(push_query(names)),
            rows.join(",")
        );
        let answer = match over_socket {
            false => client.post_text(request).await?.body,
            true => {
                let mut socket = server.socket().await?;
                let text = format!(r#"{{"id": "1", "type": "subscribe", "payload": {request}}}"#);
                socket.send_frame(Message::text(text)).await?;
                socket.message().await?["payload"].clone()
            }
        };
        let rejections = answer["extensions"]["rejections"].as_array();
        let rejections = rejections.cloned().unwrap_or_default();
        assert_eq!(rejections.len(), 1, "{answer}");
        assert_eq!(rejections[0]["code"], "BAD_INPUT");
        assert_eq!(rejections[0]["key"], key);
        let reason = rejections[0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("surrogate pair"), "{reason}");
        let rows = crate::graphql::given::list(answer["data"]["rows"].clone())?;
        assert_eq!(rows.len(), usize::from(is_named), "{rows:?}");
    }
    let id = sound["id"].as_str().unwrap_or_default();
    assert_eq!(stored(&client, TASKS, id).await?["title"], "sound");
    // Each edit lies in the inbox once, whichever way it came, and can be put aside there.
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 3, "{filed:?}");
    for conflict in &filed {
        let resolved = resolve(&client, &conflict["id"], json!({ "use": "KEEP_SERVER" })).await?;
        assert_eq!(resolved["status"], "RESOLVED", "{resolved}");
    }
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
