//! A change that cannot be read, and a log that cannot be followed at all: those who want it end with an error,
//! `readyz` says so, and when it is mended everybody goes on. Trying again and again would tell nobody.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use seachange::{
    Consumer, ConsumerState, Delivery, FeedError, FeedItem, Handler, HandlerError, Selection,
    Start, Subscription,
};
use seachange_testkit::{Database, Outcome, Socket, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases![a_change_that_cannot_be_read, a_log_that_cannot_be_followed,];

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

/// The code of the error that a live subscription ends with.
async fn refusal(socket: &mut Socket) -> anyhow::Result<String> {
    let end = async {
        loop {
            let message = socket.message().await?;
            let payload = &message["payload"];
            let error = payload["errors"].get(0).or_else(|| payload.get(0));
            if let Some(error) = error {
                let code = error["extensions"]["code"].as_str();
                return anyhow::Ok(code.unwrap_or_default().to_owned());
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await?
}

/// Not even how far the log goes can be read.
async fn a_log_that_cannot_be_followed(server: &TestServer) -> Outcome {
    server.label("before").await?;
    server.logged().await?;
    let feed = server.server().feed();
    let live = feed.subscribe(&Start::Now, Selection::default()).await?;
    let query = "subscription { labelChanges(includeInitial: true) { kind } }";
    let mut socket = server.socket().await?;
    socket.subscribe(query, json!({})).await?;
    let kind = |next: &Json| next["labelChanges"]["kind"].clone();
    assert_eq!(kind(&socket.next().await?), "INITIAL");
    assert_eq!(kind(&socket.next().await?), "CAUGHT_UP");
    let plain = server.db().writer();
    plain
        .execute_unprepared("ALTER TABLE change_log RENAME TO hidden_log")
        .await?;
    let error = ends(live).await?;
    assert!(!error.is_passing(), "{error}");
    assert_eq!(refusal(&mut socket).await?, "INTERNAL");
    readyz_when(server, 503).await?;
    plain
        .execute_unprepared("ALTER TABLE hidden_log RENAME TO change_log")
        .await?;
    readyz_when(server, 200).await?;
    let mut socket = server.socket().await?;
    socket.subscribe(query, json!({})).await?;
    assert_eq!(kind(&socket.next().await?), "INITIAL");
    assert_eq!(kind(&socket.next().await?), "CAUGHT_UP");
    server.label("after").await?;
    assert_eq!(kind(&socket.next().await?), "INSERT");
    Ok(())
}
