//! The feed beside transactions that take their time.

use std::time::Duration;

use anyhow::Context;
use sea_orm::TransactionTrait;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};
use seachange_entity::label;
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases![an_open_transaction_delays_only_itself];

/// A step of the feed that waits for somebody's transaction waits much longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows of a transaction: far more than waited when the planner last looked.
const MANY: usize = 300;

async fn count(server: &TestServer) -> anyhow::Result<usize> {
    let query = "{ changes(after: \"0\", first: 1000) { nodes { cursor } } }";
    let asked = server.client().data(query, json!({})).await?;
    let nodes = asked["changes"]["nodes"].as_array().context("no nodes")?;
    Ok(nodes.len())
}

async fn an_open_transaction_delays_only_itself(server: &TestServer) -> Outcome {
    let analyze = match server.kind {
        // One transaction writes at a time: what is open delays other writers.
        Database::Sqlite => return Ok(()),
        Database::Postgres(_) => "ANALYZE",
        Database::MariaDb(_) => "ANALYZE TABLE change_inbox PERSISTENT FOR ALL",
    };
    let create = "mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }";
    for name in ["a", "b", "c"] {
        server
            .client()
            .data(create, json!({ "name": name }))
            .await?;
    }
    assert_eq!(count(server).await?, 3);

    let open = server.db().begin().await?;
    let slow = label::ActiveModel {
        name: Set("slow".to_owned()),
        ..Default::default()
    };
    slow.insert(&open).await?;
    // What the planner knows now, that next to nothing waits, is no reason to read everything.
    server.db().writer().execute_unprepared(analyze).await?;
    let many = "mutation($data: [LabelInsertInput!]!) { labelCreateBatch(data: $data) { id } }";
    let data: Vec<Json> = (0..MANY)
        .map(|n| json!({ "name": format!("quick {n}") }))
        .collect();
    server.client().data(many, json!({ "data": data })).await?;
    let seen = tokio::time::timeout(PATIENCE, count(server)).await;
    assert_eq!(
        seen.context("the feed waits for the open transaction")??,
        3 + MANY
    );
    open.commit().await?;
    assert_eq!(count(server).await?, 4 + MANY);
    Ok(())
}
