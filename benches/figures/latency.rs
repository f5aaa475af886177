//! From a commit's return to the subscriber, nothing else going on: on the committing server and on
//! another, after changes and after none for a while.
//!
//! The other server has a feed and connections of its own, as another process would have.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::try_join_all;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange::{Feed, FeedItem, Selection, Start};
use seachange_entity::project;
use seachange_testkit::{Database, OwnDatabase, TestServer};
use serde_json::json;
use tokio::sync::mpsc;

use super::ground::Ground;
use super::table::{Line, Target};
use super::turns::{ms, share};

/// Commits measured in each case.
const SAMPLES: u64 = 200;
/// Databases of a kind at once, while idling between commits: it is mostly waiting.
const LANES: u64 = 4;
/// Longest wait for a change.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits on both servers.
#[derive(Default)]
struct Waits {
    here: Vec<Duration>,
    there: Vec<Duration>,
}

#[derive(Clone, Copy)]
enum Pace {
    /// The tails look often.
    Busy,
    /// Nothing has changed for more than a second.
    Idle,
}

impl Pace {
    /// Before the commit with this number: spread over the time between two looks.
    fn pause(self, number: u64) -> Duration {
        Duration::from_millis(match self {
            Self::Busy => number * 7 % 31,
            Self::Idle => 1_100 + number * 137 % 500,
        })
    }
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    let samples = SAMPLES * u64::from(ground.length);
    for kind in &ground.databases {
        let (own, servers) = pair(kind).await?;
        let waits = feeds(&servers, Pace::Busy, samples).await?;
        tell(ground, kind, "while changes flow", Pace::Busy, waits);
        let waits = end_to_end(&servers[0], samples).await?;
        for percent in [50, 99] {
            let name = format!("{}: mutation to socket, p{percent}", kind.name());
            ground.tell(&Line::new(name, ms(share(waits.clone(), percent)), " ms"));
        }
        stop(own, servers).await?;
    }
    let idling = ground.databases.iter().map(|kind| idle(kind, samples));
    let idled = try_join_all(idling).await?;
    for (kind, waits) in ground.databases.iter().zip(idled) {
        tell(ground, kind, "after idling", Pace::Idle, waits);
    }
    Ok(())
}

fn tell(ground: &Ground, kind: &Database, case: &str, pace: Pace, waits: Waits) {
    let (here, there) = match (kind, pace) {
        (Database::Sqlite, Pace::Busy) => (5.0, 25.0),
        (Database::Sqlite, Pace::Idle) => (5.0, 500.0),
        (Database::Postgres(_), _) => (15.0, 25.0),
        (Database::MariaDb(_), Pace::Busy) => (30.0, 25.0),
        (Database::MariaDb(_), Pace::Idle) => (30.0, 500.0),
    };
    for (place, waits, target) in [
        ("committing server", waits.here, here),
        ("other server", waits.there, there),
    ] {
        for percent in [50, 99] {
            let name = format!("{}, {case}: {place}, p{percent}", kind.name());
            let line = Line::new(name, ms(share(waits.clone(), percent)), " ms");
            ground.tell(&line.target((percent == 50).then_some(Target::AtMost(target))));
        }
    }
}

/// Two servers on a database.
async fn pair(kind: &Database) -> anyhow::Result<(OwnDatabase, [TestServer; 2])> {
    let own = OwnDatabase::create(kind).await?;
    let first = TestServer::start(&own).await?;
    let second = first.beside(|_| ()).await?;
    Ok((own, [first, second]))
}

async fn stop(own: OwnDatabase, servers: [TestServer; 2]) -> anyhow::Result<()> {
    for server in servers {
        server.stop().await?;
    }
    own.drop().await
}

async fn idle(kind: &Database, samples: u64) -> anyhow::Result<Waits> {
    let lanes = (0..LANES).map(|_| async {
        let (own, servers) = pair(kind).await?;
        let waits = feeds(&servers, Pace::Idle, samples.div_ceil(LANES)).await?;
        stop(own, servers).await?;
        anyhow::Ok(waits)
    });
    let mut all = Waits::default();
    for waits in try_join_all(lanes).await? {
        all.here.extend(waits.here);
        all.there.extend(waits.there);
    }
    Ok(all)
}

/// Commits on the first server and waits for the change on both.
async fn feeds(servers: &[TestServer; 2], pace: Pace, samples: u64) -> anyhow::Result<Waits> {
    let [first, second] = servers;
    let mut here = arrivals(first.server().feed()).await?;
    let mut there = arrivals(second.server().feed()).await?;
    let mut waits = Waits::default();
    // The first one finds connections that have not been opened.
    for number in 0..=samples {
        tokio::time::sleep(pace.pause(number)).await;
        let tx = first.db().begin().await?;
        project(number).insert(&tx).await?;
        tx.commit().await?;
        let committed = Instant::now();
        let (here, there) = (arrival(&mut here).await?, arrival(&mut there).await?);
        if number > 0 {
            waits.here.push(here.saturating_duration_since(committed));
            waits.there.push(there.saturating_duration_since(committed));
        }
    }
    Ok(waits)
}

fn project(number: u64) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(format!("project {number}")),
        ..Default::default()
    }
}

/// When each change of the feed reaches a subscriber.
async fn arrivals(feed: &Feed) -> anyhow::Result<mpsc::Receiver<Instant>> {
    let mut subscription = feed.subscribe(&Start::Now, Selection::default()).await?;
    let (arrived, arrivals) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok(item) = subscription.next().await {
            let now = Instant::now();
            if matches!(item, FeedItem::Change(_)) && arrived.send(now).await.is_err() {
                return;
            }
        }
    });
    Ok(arrivals)
}

async fn arrival(arrivals: &mut mpsc::Receiver<Instant>) -> anyhow::Result<Instant> {
    let next = tokio::time::timeout(PATIENCE, arrivals.recv()).await?;
    next.context("the subscription ended")
}

/// From sending a mutation over HTTP to its change in a socket of the same server.
async fn end_to_end(server: &TestServer, samples: u64) -> anyhow::Result<Vec<Duration>> {
    let client = server.client();
    let mut socket = server.socket().await?;
    // From the oldest on: whether the socket or the first mutation comes first does not matter.
    let query = r#"subscription { changes(after: "0") { cursor operation after } }"#;
    socket.subscribe(query, json!({})).await?;
    let mutation = "mutation($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
    let mut waits = Vec::new();
    // The first one finds connections that have not been opened.
    for number in 0..=samples {
        tokio::time::sleep(Pace::Busy.pause(number)).await;
        let name = format!("mutation {number}");
        let sent = Instant::now();
        let arrived = async {
            loop {
                let data = socket.next().await?;
                if data["changes"]["after"]["name"] == name.as_str() {
                    return anyhow::Ok(sent.elapsed());
                }
            }
        };
        let mutated = client.data(mutation, json!({ "name": &name }));
        let (_, waited) = tokio::try_join!(mutated, arrived)?;
        if number > 0 {
            waits.push(waited);
        }
    }
    Ok(waits)
}
