//! In the midst of what a client has asked for.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::{BAD, bad_names, goes_on, room, triggers};
use crate::graphql::given::LABELS;
use crate::graphql::revert;
use crate::sync::push;

seachange_testkit::cases! {
    Sqlite: mutations, a_push_with_a_row_that_ends_it, a_revert;
}

async fn mutations(server: &TestServer) -> Outcome {
    triggers(server).await?;
    let client = server.client();
    for name in bad_names() {
        room(server, name.starts_with("no room")).await?;
        let one = client
            .send(
                "mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }",
                json!({ "name": name }),
            )
            .await?;
        assert!(one.body["errors"].is_array(), "{}", &name[..8]);
        let keyed = client.with_header("idempotency-key", &uuid::Uuid::now_v7().to_string());
        let many = keyed
            .send(
                "mutation($data: [LabelInsertInput!]!) { labelCreateBatch(data: $data) { id } }",
                json!({ "data": [{ "name": "lost" }, { "name": name }] }),
            )
            .await?;
        assert!(many.body["errors"].is_array(), "{}", &name[..8]);
        goes_on(server, &[]).await?;
    }
    Ok(())
}

/// Rows are acknowledged only if they are stored, or lie in the inbox.
async fn a_push_with_a_row_that_ends_it(server: &TestServer) -> Outcome {
    triggers(server).await?;
    let client = server.client();
    let mut stored = Vec::new();
    for (round, bad) in bad_names().into_iter().enumerate() {
        room(server, bad.starts_with("no room")).await?;
        let names = [format!("first {round}"), bad, format!("last {round}")];
        let ids = 1_000 * (round + 1)..;
        let documents = ids.zip(&names).map(|(id, name)| {
            let document = json!({ "id": id, "name": name, "_deleted": false });
            (Json::Null, document)
        });
        let rows: Vec<(Json, Json)> = documents.collect();
        match push(&client, LABELS, &rows).await {
            Ok(pushed) => {
                assert_eq!(pushed.rejections.len(), 1, "{pushed:?}");
                stored.extend([names[0].clone(), names[2].clone()]);
            }
            // Without room the client keeps all of it and tries again.
            Err(error) => {
                assert!(names[1].starts_with("no room"), "{error}");
                assert!(error.to_string().contains("UNAVAILABLE"), "{error}");
            }
        }
        let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
        goes_on(server, &stored).await?;
    }
    Ok(())
}

async fn a_revert(server: &TestServer) -> Outcome {
    let client = server.client();
    let mut cursors = Vec::new();
    for name in BAD {
        server.label(name).await?;
        revert::delete(&client, LABELS, json!({ "name": { "eq": name } })).await?;
        cursors.push(revert::newest(&client).await?);
    }
    triggers(server).await?;
    for cursor in cursors {
        let answer = client
            .send(revert::CHANGE, json!({ "cursor": cursor }))
            .await?;
        assert!(answer.body["errors"].is_array(), "{}", answer.body);
        goes_on(server, &[]).await?;
    }
    Ok(())
}
