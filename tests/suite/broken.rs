//! A change that cannot be read: those who want it end with an error, `readyz` says so, and when it is mended
//! everybody goes on. Trying again and again would tell nobody.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use seachange::{
    Consumer, ConsumerState, Delivery, FeedError, FeedItem, Handler, HandlerError, Selection,
    Start, Subscription,
};
use serde_json::json;

use crate::harness::{Database, Outcome, TestServer};

crate::cases![a_change_that_cannot_be_read];

/// Far beyond what any of it takes.
const PATIENCE: Duration = Duration::from_secs(90);

struct Deaf;

#[async_trait::async_trait]
impl Handler for Deaf {
    async fn handle(&mut self, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Follows until the feed says no.
async fn ends(mut subscription: Subscription) -> anyhow::Result<FeedError> {
    let end = async {
        loop {
            if let Err(error) = subscription.next().await {
                return error;
            }
        }
    };
    Ok(tokio::time::timeout(PATIENCE, end).await?)
}

async fn readyz_when(server: &TestServer, wanted: u16) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let url = format!("{}/readyz", server.url());
    loop {
        let answer = server.client().http().get(&url).send().await?;
        let status = answer.status().as_u16();
        let reason = answer.text().await?;
        if status == wanted {
            return Ok(reason);
        }
        anyhow::ensure!(Instant::now() < deadline, "{status}: {reason}");
        tokio::task::yield_now().await;
    }
}

async fn a_change_that_cannot_be_read(server: &TestServer) -> Outcome {
    server.label("before").await?;
    server.logged().await?;
    let feed = server.server().feed();
    let live = feed.subscribe(&Start::Now, Selection::default()).await?;
    let other = Selection {
        entities: Some(vec!["project".to_owned()]),
        ..Selection::default()
    };
    let mut unconcerned = feed.subscribe(&Start::Now, other).await?;
    // A change with a source that no version of the log has.
    let quote = match server.kind {
        Database::MariaDb(_) => "`",
        _ => "\"",
    };
    let images = format!("{quote}before{quote}, {quote}after{quote}");
    let plain = server.db().writer();
    plain
        .execute_unprepared(&format!(
            "INSERT INTO change_log (entity, row_key, operation, {images}, transaction_id, source,
               schema_version, recorded_at)
             SELECT entity, row_key, operation, {images}, 'broken', 'nonsense', schema_version,
               recorded_at
             FROM (SELECT * FROM change_log ORDER BY id DESC LIMIT 1) AS last"
        ))
        .await?;
    let reason = readyz_when(server, 503).await?;
    assert_eq!(reason, "the change log cannot be read");
    let error = ends(live).await?;
    assert!(matches!(error, FeedError::Database(_)), "{error}");
    let behind = feed.subscribe(&Start::Oldest, Selection::default()).await?;
    let error = ends(behind).await?;
    assert!(matches!(error, FeedError::Database(_)), "{error}");
    let answer = server
        .client()
        .send("{ changes(after: \"0\") { nodes { cursor } } }", json!({}))
        .await?;
    assert_eq!(answer.code()?, "INTERNAL");
    let consumer = Consumer::new("deaf").beginning(Start::Oldest);
    let mut handle = consumer.start(feed, server.db(), Deaf);
    let stopped = |state: &ConsumerState| matches!(state, ConsumerState::Stopped(_));
    tokio::time::timeout(PATIENCE, handle.state_when(stopped)).await?;
    // Whoever wants other changes has them.
    let create = "mutation { projectCreateOne(data: { name: \"on\" }) { id } }";
    server.client().data(create, json!({})).await?;
    let change = async {
        loop {
            if let FeedItem::Change(change) = unconcerned.next().await? {
                return anyhow::Ok(change);
            }
        }
    };
    let change = tokio::time::timeout(PATIENCE, change).await??;
    assert_eq!(change.row.entity, "project");
    plain
        .execute_unprepared("DELETE FROM change_log WHERE transaction_id = 'broken'")
        .await?;
    readyz_when(server, 200).await?;
    Ok(())
}
