//! Text at which readers of JSON stop, in values, keys and names.

use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use super::super::inbox::resolve;
use super::super::{a_task, conflicts, new_task, push, push_query, stored, with};
use crate::graphql::given::{TASK_LABELS, TASKS, list};

seachange_testkit::cases![
    values_that_no_reader_takes,
    keys_and_names_that_no_reader_takes,
];

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
    let documents = list(answer.data()?["rows"].clone())?;
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
    let depth = if matches!(server.kind, Database::MariaDb(_)) {
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
        let rows = list(answer["data"]["rows"].clone())?;
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
