//! What is kept of the log: the horizon, and epochs.

use chrono::{TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use seachange::changelog::{new_epoch, prune};
use serde_json::{Value as Json, json};

use crate::harness::{Database, Outcome, TestServer};

crate::cases![
    a_cursor_behind_the_horizon,
    a_cursor_of_another_epoch,
    a_database_that_has_moved,
];

const CHANGES: &str = "query($after: String) { changes(after: $after) {
    nodes { cursor key } endCursor hasNextPage } changesHead }";

async fn label(server: &TestServer, name: &str) -> Outcome {
    let create = "mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }";
    server
        .client()
        .data(create, json!({ "name": name }))
        .await?;
    Ok(())
}

async fn changes(server: &TestServer, after: &str) -> anyhow::Result<Json> {
    server
        .client()
        .data(CHANGES, json!({ "after": after }))
        .await
}

fn count(page: &Json) -> usize {
    page["changes"]["nodes"].as_array().map_or(0, Vec::len)
}

async fn a_cursor_behind_the_horizon(server: &TestServer) -> Outcome {
    label(server, "old").await?;
    let old = changes(server, "0").await?;
    label(server, "older").await?;
    let head = changes(server, "0").await?["changesHead"].clone();
    let removed = prune(server.db().writer(), Utc::now() + TimeDelta::hours(1)).await?;
    assert_eq!(removed, 2);
    let cursor = json!({ "after": old["changesHead"] });
    assert_eq!(
        server.client().code(CHANGES, cursor).await?,
        "CURSOR_EXPIRED"
    );
    let mut socket = server.socket().await?;
    let query = "subscription($after: String) { changes(after: $after) { cursor } }";
    socket
        .subscribe(query, json!({ "after": old["changesHead"] }))
        .await?;
    let refused = socket.message().await?;
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED",
        "{refused}"
    );
    // Where everything had been read, nothing is missing.
    label(server, "new").await?;
    let head = head.as_str().unwrap_or_default();
    assert_eq!(count(&changes(server, head).await?), 1);
    assert_eq!(count(&changes(server, "0").await?), 1);
    Ok(())
}

async fn a_cursor_of_another_epoch(server: &TestServer) -> Outcome {
    label(server, "before").await?;
    let old = changes(server, "0").await?["changesHead"].clone();
    new_epoch(server.db().writer()).await?;
    let renewed = server.beside(|_| {}).await?;
    let cursor = json!({ "after": old });
    assert_eq!(
        renewed.client().code(CHANGES, cursor).await?,
        "RESYNC_REQUIRED"
    );
    assert_eq!(count(&changes(&renewed, "0").await?), 0);
    label(&renewed, "after").await?;
    assert_eq!(count(&changes(&renewed, "0").await?), 1);
    renewed.finish().await
}

/// PostgreSQL tells by itself that the log was written on another server.
async fn a_database_that_has_moved(server: &TestServer) -> Outcome {
    if !matches!(server.kind, Database::Postgres(_)) {
        return Ok(());
    }
    label(server, "before").await?;
    let old = changes(server, "0").await?["changesHead"].clone();
    // What a restored dump looks like: the name of another server, and an xid from its future.
    for sql in [
        "UPDATE change_epoch SET identity = 'elsewhere'",
        "UPDATE change_log SET xid = '4000000000'",
    ] {
        server.db().writer().execute_unprepared(sql).await?;
    }
    let moved = server.beside(|_| {}).await?;
    let cursor = json!({ "after": old });
    assert_eq!(
        moved.client().code(CHANGES, cursor.clone()).await?,
        "RESYNC_REQUIRED"
    );
    assert_eq!(count(&changes(&moved, "0").await?), 0, "history, not feed");
    label(&moved, "after").await?;
    assert_eq!(count(&changes(&moved, "0").await?), 1);
    // Once: the next start finds everything in its place.
    let head = changes(&moved, "0").await?["changesHead"].clone();
    let again = server.beside(|_| {}).await?;
    again
        .client()
        .data(CHANGES, json!({ "after": head }))
        .await?;
    again.finish().await?;
    moved.finish().await
}
