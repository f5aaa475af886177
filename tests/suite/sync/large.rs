//! Rows that are too large for the database: each is refused by itself, and so much of it is in the inbox as
//! the inbox takes.
//!
//! MariaDB bounds what one statement has, 16 megabytes unless set otherwise, and a row's change has the row
//! twice. The other databases take all of these.

use std::time::Duration;

use seachange_testkit::{Client, Database, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::inbox::resolve;
use super::{a_task, conflicts, new_task, push, stored, update_task, with};
use crate::graphql::given::{COMMENTS, TASKS};

seachange_testkit::cases![
    a_row_that_does_not_fit,
    a_row_that_triggers_cannot_record,
    a_conflict_that_does_not_fit,
];

fn is_bounded(server: &TestServer) -> bool {
    matches!(server.kind, Database::MariaDb(_))
}

/// More than half of a statement, where that is bounded.
fn large(server: &TestServer) -> usize {
    if is_bounded(server) { 9 << 20 } else { 1 << 20 }
}

/// A server that reads requests of any size, for any time.
async fn roomy(server: &TestServer) -> anyhow::Result<TestServer> {
    let set = |settings: &mut seachange::Settings| {
        settings.limits.request_bytes = 100 << 20;
        settings.limits.request_time = Duration::from_secs(600);
    };
    server.beside(set).await
}

fn details(letter: &str, size: usize) -> Json {
    json!({ "details": { "text": letter.repeat(size) } })
}

async fn by_id(client: &Client, row: &Json) -> anyhow::Result<Json> {
    stored(client, TASKS, row["id"].as_str().unwrap_or_default()).await
}

async fn a_row_that_does_not_fit(server: &TestServer) -> Outcome {
    let roomy = roomy(server).await?;
    let client = roomy.client();
    let edited = a_task(&client, "edited").await?;
    let (first, last) = (
        new_task(&client, "first").await?,
        new_task(&client, "last").await?,
    );
    let size = large(server);
    let new = with(&new_task(&client, "new").await?, details("n", size));
    let rows = [
        (Json::Null, first.clone()),
        (Json::Null, new.clone()),
        (edited.clone(), with(&edited, details("e", size))),
        (Json::Null, last.clone()),
    ];
    // Sent again it is the same.
    for _ in 0..2 {
        let pushed = push(&client, TASKS, &rows).await?;
        for row in [&first, &last] {
            assert_eq!(by_id(&client, row).await?["title"], row["title"]);
        }
        if !is_bounded(server) {
            assert!(pushed.is_taken());
            let text = by_id(&client, &new).await?["details"]["text"].clone();
            assert_eq!(text.as_str().map(str::len), Some(size));
            continue;
        }
        assert_eq!(pushed.codes(), ["LIMIT_EXCEEDED", "LIMIT_EXCEEDED"]);
        for (told, row) in pushed.rejections.iter().zip([&new, &edited]) {
            assert_eq!(told["key"]["id"], row["id"]);
            let reason = told["reason"].as_str().unwrap_or_default();
            assert!(reason.contains("the row is too large"), "{reason}");
        }
        assert_eq!(pushed.documents.len(), 2);
        assert_eq!(
            (&pushed.documents[0]["id"], &pushed.documents[0]["_deleted"]),
            (&new["id"], &json!(true))
        );
        assert_eq!(pushed.documents[1], edited);
        let filed = conflicts(&client).await?;
        assert_eq!(filed.len(), 2);
        for (filed, row) in filed.iter().zip([&new, &edited]) {
            assert_eq!(filed["status"], "REJECTED");
            assert_eq!(filed["client"]["title"], row["title"]);
            let text = filed["client"]["details"]["$unreadable"].as_str();
            let text = text.unwrap_or_default();
            assert!(text.starts_with(r#"{"text":""#), "{text:.100}");
            assert!(text.ends_with(" bytes)"), "{text:.300}");
        }
    }
    if is_bounded(server) {
        let filed = conflicts(&client).await?;
        // What the inbox has not whole is not stored in the row's place.
        let query = "mutation($id: String!, $seen: Json) {
            resolveSyncConflict(id: $id, use: USE_CLIENT, seen: $seen) { id } }";
        let variables = json!({ "id": filed[1]["id"], "seen": filed[1]["server"] });
        assert_eq!(client.code(query, variables).await?, "BAD_INPUT");
        for filed in &filed {
            resolve(&client, &filed["id"], json!({ "use": "KEEP_SERVER" })).await?;
        }
        assert_eq!(by_id(&client, &edited).await?, edited);
    }
    roomy.stop().await
}

/// As JSON it has twice as many bytes.
async fn a_row_that_triggers_cannot_record(server: &TestServer) -> Outcome {
    let roomy = roomy(server).await?;
    let client = roomy.client();
    let task = a_task(&client, "t").await?;
    let comment = |body: String| {
        json!({
            "id": uuid::Uuid::now_v7().to_string(), "taskId": task["id"], "author": "Ann",
            "body": body, "_deleted": false,
        })
    };
    let rows = [
        (Json::Null, comment("\"".repeat(large(server)))),
        (Json::Null, comment("small".to_owned())),
    ];
    let pushed = push(&client, COMMENTS, &rows).await?;
    let id = rows[1].1["id"].as_str().unwrap_or_default();
    assert_eq!(stored(&client, COMMENTS, id).await?["body"], "small");
    if !is_bounded(server) {
        assert!(pushed.is_taken());
        return roomy.stop().await;
    }
    assert_eq!(pushed.codes(), ["LIMIT_EXCEEDED"]);
    assert_eq!(pushed.rejections[0]["key"]["id"], rows[0].1["id"]);
    assert_eq!(conflicts(&client).await?.len(), 1);
    roomy.stop().await
}

/// Three states of a row are more than the inbox takes, where one of them fits.
async fn a_conflict_that_does_not_fit(server: &TestServer) -> Outcome {
    const SIZE: usize = 3 << 20;
    let roomy = roomy(server).await?;
    let client = roomy.client();
    let mut task = a_task(&client, "t").await?;
    update_task(&client, &task["id"], details("a", SIZE)).await?;
    task = by_id(&client, &task).await?;
    update_task(&client, &task["id"], details("b", SIZE)).await?;
    let mine = with(&task, details("c", SIZE));
    let other = new_task(&client, "other").await?;
    let rows = [(task.clone(), mine.clone()), (Json::Null, other.clone())];
    let pushed = push(&client, TASKS, &rows).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    assert_eq!(by_id(&client, &other).await?["title"], "other");
    let filed = conflicts(&client).await?.remove(0);
    assert_eq!(filed["client"]["details"], mine["details"]);
    assert_eq!(filed["server"], by_id(&client, &task).await?);
    let query = "mutation($id: String!, $seen: Json) {
        resolveSyncConflict(id: $id, use: USE_CLIENT, seen: $seen) { status } }";
    let variables = json!({ "id": filed["id"], "seen": filed["server"] });
    let resolved = client.data(query, variables).await?;
    assert_eq!(resolved["resolveSyncConflict"]["status"], "RESOLVED");
    assert_eq!(by_id(&client, &task).await?["details"], mine["details"]);
    roomy.stop().await
}
