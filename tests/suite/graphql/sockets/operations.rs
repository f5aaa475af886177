//! Operations over a socket: their answers, their ids, their ends.

use std::collections::BTreeSet;

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::FOLLOW;
use crate::graphql::given::{self, PROJECTS};
use crate::graphql::watch::{Watch, head};

seachange_testkit::cases![
    queries_and_mutations,
    an_id_used_again,
    complete_stops,
    too_many_operations,
    closing_ends_everything,
    stopping_closes,
];

async fn queries_and_mutations(server: &TestServer) -> Outcome {
    let mut watch = Watch::start(server).await?;
    let mut socket = server.socket().await?;
    let variables = json!({ "data": { "name": "over a socket" } });
    let answer = socket
        .run(json!({ "query": PROJECTS.create_one(), "variables": variables }))
        .await?;
    let change = watch.only().await?;
    assert_eq!(change["after"], given::image(&answer["data"]["row"]));
    let named = json!({ "query": "query A { changesHead } query B { project { nodes { name } } }", "operationName": "B" });
    let answer = socket.run(named).await?;
    assert_eq!(
        answer,
        json!({ "data": { "project": { "nodes": [{ "name": "over a socket" }] } } })
    );
    let twice = json!({ "query": PROJECTS.create_one(), "variables": { "data": { "id": change["key"]["id"], "name": "x" } } });
    let answer = socket.run(twice).await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT");
    Ok(())
}

async fn an_id_used_again(server: &TestServer) -> Outcome {
    let mut socket = server.socket().await?;
    for _ in 0..3 {
        for payload in [
            json!({ "query": "{ changesHead }" }),
            json!({ "query": "{ nothing }" }),
        ] {
            socket
                .send(&json!({ "id": "again", "type": "subscribe", "payload": payload }))
                .await?;
            let message = socket.message().await?;
            assert_eq!(message["id"], "again");
            if message["type"] == "next" {
                assert_eq!(
                    socket.message().await?,
                    json!({ "id": "again", "type": "complete" })
                );
            }
        }
    }
    Ok(())
}

async fn complete_stops(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    let mut socket = server.socket().await?;
    let stopped = socket.subscribe(FOLLOW, json!({ "after": after })).await?;
    given::project(&client, "a").await?;
    assert_eq!(socket.message().await?["id"], stopped);
    socket
        .send(&json!({ "id": stopped, "type": "complete" }))
        .await?;
    // The answer to the ping comes after the server has read the `complete`.
    socket.send(&json!({ "type": "ping" })).await?;
    assert_eq!(socket.message().await?["type"], "pong");
    let beside = socket
        .subscribe(FOLLOW, json!({ "after": head(&client).await? }))
        .await?;
    for name in ["b", "c", "d"] {
        given::project(&client, name).await?;
        assert_eq!(
            socket.message().await?["id"],
            beside,
            "nothing of the stopped one"
        );
    }
    // Completing what is not there is no fault, and the id is free.
    socket
        .send(&json!({ "id": stopped, "type": "complete" }))
        .await?;
    socket.send(&json!({ "id": stopped, "type": "subscribe", "payload": { "query": "{ changesHead }" } })).await?;
    assert_eq!(socket.message().await?["id"], stopped);
    Ok(())
}

async fn too_many_operations(server: &TestServer) -> Outcome {
    let small = server
        .beside(|settings| settings.limits.subscriptions_per_socket = 3)
        .await?;
    let client = small.client();
    let after = head(&client).await?;
    let mut socket = small.socket().await?;
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        ids.insert(socket.subscribe(FOLLOW, json!({ "after": after })).await?);
    }
    assert_eq!(
        socket.refused(FOLLOW, json!({ "after": after })).await?,
        "LIMIT_EXCEEDED"
    );
    given::project(&client, "a").await?;
    let mut met = BTreeSet::new();
    for _ in 0..3 {
        met.insert(given::text(&socket.message().await?["id"])?);
    }
    assert_eq!(met, ids, "the others go on");
    small.stop().await
}

async fn closing_ends_everything(server: &TestServer) -> Outcome {
    let client = server.client();
    let after = head(&client).await?;
    for _ in 0..20 {
        let mut socket = server.socket().await?;
        for _ in 0..10 {
            socket.subscribe(FOLLOW, json!({ "after": after })).await?;
        }
        // Dropped without a close frame.
    }
    given::project(&client, "a").await?;
    let mut watch = Watch::on(server.socket().await?, client, json!({ "after": after })).await?;
    assert_eq!(watch.take(1).await?[0]["after"]["name"], "a");
    Ok(())
}

async fn stopping_closes(server: &TestServer) -> Outcome {
    let other = server.beside(|_| {}).await?;
    let mut idle = other.socket().await?;
    let mut busy = other.socket().await?;
    busy.subscribe(FOLLOW, json!({ "after": head(&other.client()).await? }))
        .await?;
    let waiting =
        async { Ok::<[u16; 2], anyhow::Error>([idle.closed().await?, busy.closed().await?]) };
    let (codes, stopped) = tokio::join!(waiting, other.stop());
    stopped?;
    assert_eq!(codes?, [1001, 1001]);
    let connected: anyhow::Result<Json> = server.client().data("{ changesHead }", json!({})).await;
    connected.map(drop)
}
