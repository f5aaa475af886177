//! NUL characters, which a text of PostgreSQL cannot have: whatever of a push has one, the row alone is
//! refused where the database does not take it, and what the log and the inbox say of it is stored.

use anyhow::Context;
use seachange_testkit::{Client, Database, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::inbox::resolve;
use super::tag::{self, TAGS, tag};
use super::{
    a_task, changes_of, conflicts, new_task, pull_all, push, push_query, stored, update_task,
    variables, with,
};
use crate::graphql::auth::{guarded, token};
use crate::graphql::given::{LABELS, Names, TASKS};

seachange_testkit::cases![
    in_what_a_reason_quotes,
    in_values,
    in_keys,
    in_what_is_said_of_the_writer,
    in_what_somebody_decides,
];

fn takes_nul(server: &TestServer) -> bool {
    !matches!(server.kind, Database::Postgres(_))
}

/// Pushes the bad rows beside a good one, twice. The codes of their rejections; the good one is stored.
async fn beside(
    client: &Client,
    names: Names,
    good: &Json,
    bad: &[Json],
) -> anyhow::Result<Vec<String>> {
    let mut codes = Vec::new();
    let rows: Vec<(Json, Json)> = bad
        .iter()
        .chain([good])
        .map(|row| (Json::Null, row.clone()))
        .collect();
    for _ in 0..2 {
        let pushed = push(client, names, &rows).await?;
        codes = pushed.codes().into_iter().map(str::to_owned).collect();
        let id = good["id"].as_str().unwrap_or_default();
        assert_eq!(stored(client, names, id).await?["id"], good["id"]);
        let filed = conflicts(client).await?;
        for told in &pushed.rejections {
            let entry = filed.iter().find(|entry| entry["id"] == told["conflictId"]);
            let entry = entry.ok_or_else(|| anyhow::anyhow!("not filed: {told}"))?;
            assert_eq!(entry["status"], "REJECTED");
            assert_eq!(entry["reason"], told["reason"]);
            let reason = entry["reason"].as_str().unwrap_or_default();
            assert!(!reason.is_empty() && !reason.contains('\0'), "{reason:?}");
        }
    }
    Ok(codes)
}

async fn in_what_a_reason_quotes(server: &TestServer) -> Outcome {
    let client = server.client();
    let good = json!({ "id": "700", "name": "good", "_deleted": false });
    let bad = [
        json!({ "id": "\0", "name": "nk", "_deleted": false }),
        json!({ "id": "701", "name": "f", "x\0": 1, "_deleted": false }),
    ];
    let codes = beside(&client, LABELS, &good, &bad).await?;
    assert_eq!(codes, ["BAD_INPUT", "BAD_INPUT"]);
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 2);
    assert_eq!(filed[0]["key"], json!({ "id": "\0" }));
    assert_eq!(filed[1]["client"], bad[1]);
    assert_eq!(filed[1]["reason"], r"unknown field `x\u0000`");
    let good = new_task(&client, "good").await?;
    let id = uuid::Uuid::now_v7().to_string();
    let bad = with(&good, json!({ "id": id, "projectId": "\0" }));
    let codes = beside(&client, TASKS, &good, &[bad]).await?;
    assert_eq!(codes, ["BAD_INPUT"]);
    Ok(())
}

async fn in_values(server: &TestServer) -> Outcome {
    let client = server.client();
    let good = new_task(&client, "good").await?;
    let other = |changes: Json| {
        let id = uuid::Uuid::now_v7().to_string();
        with(&with(&good, json!({ "id": id })), changes)
    };
    let bad = [
        other(json!({ "title": "a\0b" })),
        other(json!({ "details": { "a\0": "b\0" } })),
    ];
    let codes = beside(&client, TASKS, &good, &bad).await?;
    match takes_nul(server) {
        true => assert!(codes.is_empty(), "{codes:?}"),
        false => assert_eq!(codes, ["BAD_INPUT", "BAD_INPUT"]),
    }
    Ok(())
}

/// The inbox asks the table for the row of each entry.
async fn in_keys(server: &TestServer) -> Outcome {
    let synced = tag::start(server).await?;
    let client = synced.client();
    let good = tag("good", None, "good");
    let bad = [tag("a\0b", None, "bad"), tag("c", Some("\0"), "worse")];
    let pushed = push(
        &client,
        TAGS,
        &[(Json::Null, good.clone()), (Json::Null, bad[0].clone())],
    )
    .await?;
    match takes_nul(server) {
        true => assert!(pushed.is_taken(), "{pushed:?}"),
        false => {
            assert_eq!(pushed.codes(), ["BAD_INPUT"]);
            assert_eq!(pushed.documents[0]["id"], "a\0b");
            let codes = beside(&client, TAGS, &good, &bad).await?;
            assert_eq!(codes, ["BAD_INPUT", "BAD_INPUT"]);
            let filed = conflicts(&client).await?;
            assert_eq!(filed[0]["key"], json!({ "id": "a\0b" }));
            for entry in &filed {
                resolve(&client, &entry["id"], json!({ "use": "KEEP_SERVER" })).await?;
            }
        }
    }
    let (now, _) = pull_all(&client, TAGS).await?;
    assert!(now.contains(&good));
    synced.finish().await
}

/// Metadata, the idempotency key of a socket, the name in a token.
async fn in_what_is_said_of_the_writer(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows = [
        (
            Json::Null,
            json!({ "id": "1", "name": "good", "_deleted": false }),
        ),
        (Json::Null, json!({ "id": "2", "nope\0": 1 })),
    ];
    let metadata = json!({ "why\0": "a\0b" });
    let mut body = json!({ "query": push_query(LABELS), "variables": variables(&rows) });
    body["extensions"] = json!({ "metadata": metadata });
    let answer = client.post(&body).await?;
    let rejections = &answer.body["extensions"]["rejections"];
    assert_eq!(rejections.as_array().map(Vec::len), Some(1), "{answer:?}");
    // The inbox is a table of its own, which the log has and clients do not see.
    for table in ["label", "sync_conflict"] {
        let logged = server.logged().await?;
        let mut changes = logged.iter().filter(|change| change.entity == table);
        let change = changes.next().context("no change")?;
        assert_eq!(change.metadata.as_ref(), Some(&metadata), "{table}");
        assert!(changes.next().is_none(), "{table}");
    }
    // No key has such a character.
    let mut socket = server.socket().await?;
    body["extensions"] = json!({ "idempotencyKey": "k\0" });
    let id = socket.start(body.clone()).await?;
    let refused = socket.message().await?;
    assert_eq!(
        (&refused["id"], &refused["type"]),
        (&json!(id), &json!("error"))
    );
    let code = &refused["payload"][0]["extensions"]["code"];
    assert_eq!(*code, "BAD_INPUT");
    // Nobody has such a name.
    let guarded = guarded(server).await?;
    let nobody = guarded.client().with_token(token("a\0b")?);
    let answer = nobody.post(&body).await?;
    assert_eq!(
        (answer.status, answer.code()?),
        (401, "UNAUTHENTICATED"),
        "{answer:?}"
    );
    assert_eq!(changes_of(&client, "label").await?.len(), 1);
    guarded.stop().await
}

async fn in_what_somebody_decides(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "base").await?;
    update_task(&client, &task["id"], json!({ "title": "theirs" })).await?;
    let mine = with(&task, json!({ "title": "mine\0" }));
    let pushed = push(&client, TASKS, &[(task, mine)]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let id = &pushed.rejections[0]["conflictId"];
    let query = "mutation($id: String!, $use: SyncResolution!, $data: Json) {
        resolveSyncConflict(id: $id, use: $use, data: $data) { status } }";
    for decided in [
        json!({ "id": id, "use": "USE_DATA", "data": { "x\0": 1 } }),
        json!({ "id": id, "use": "USE_DATA", "data": { "projectId": "\0" } }),
    ] {
        assert_eq!(client.code(query, decided).await?, "BAD_INPUT");
    }
    if !takes_nul(server) {
        for decided in [
            json!({ "id": id, "use": "USE_CLIENT" }),
            json!({ "id": id, "use": "USE_DATA", "data": { "title": "\0" } }),
        ] {
            assert_eq!(client.code(query, decided).await?, "BAD_INPUT");
        }
    }
    // It can still be decided.
    assert_eq!(conflicts(&client).await?[0]["status"], "OPEN");
    let data = json!({ "use": "USE_DATA", "data": { "title": "both" } });
    let resolved = resolve(&client, id, data).await?;
    assert_eq!(resolved["status"], "RESOLVED");
    Ok(())
}
