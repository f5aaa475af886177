//! What a change costs with subscribers whom it does not concern: 100,000 beside 1,000.
//!
//! They are subscriptions of a server in this process, over WebSockets, a thousand on each, all to the
//! tasks of a project of their own. Changed are the tasks of another project, which one more subscriber
//! follows: a burst's time is from its first delivery to its last, divided by its changes. The bursts
//! are those of transactions, written before they are handed out.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange_entity::{project, task};
use seachange_testkit::{Database, OwnDatabase, Socket, TestServer};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ground::Ground;
use super::table::{Line, Target};
use super::turns::{by_turns, side_timed};

const MANY: usize = 100_000;
const FEW: usize = 1_000;
/// Subscriptions on a socket: as many as a server allows.
const ON_A_SOCKET: usize = 1_000;
/// Rounds of each side.
const ROUNDS: u32 = 9;
/// Changes in a burst.
const BURST: usize = 2_000;
const SLOWER: f64 = 1.3;
const QUERY: &str = "subscription($project: String!, $after: String) {
    taskChanges(filters: { projectId: { eq: $project } }, after: $after) { kind cursor } }";

/// A server and those who are subscribed.
struct Side {
    own: OwnDatabase,
    server: TestServer,
    /// Whom nothing concerns.
    others: Vec<Socket>,
    /// Whom all concerns.
    follower: Socket,
    project: Uuid,
}

impl Side {
    async fn start(others: usize) -> anyhow::Result<Self> {
        let own = OwnDatabase::create(&Database::Sqlite).await?;
        let server = TestServer::start(&own).await?;
        let project = Uuid::now_v7();
        let tx = server.db().begin().await?;
        let model = project::ActiveModel {
            id: Set(project),
            name: Set("changed".to_owned()),
            ..Default::default()
        };
        model.insert(&tx).await?;
        tx.commit().await?;
        let after = server.server().feed().head().await?.to_string();
        let sockets = others.div_ceil(ON_A_SOCKET);
        let sockets = (0..sockets).map(|_| subscribed(&server, &after, None));
        let others = try_join_all(sockets).await?;
        let follower = subscribed(&server, &after, Some(project)).await?;
        Ok(Self {
            own,
            server,
            others,
            follower,
            project,
        })
    }

    /// The time of a burst.
    async fn burst(&mut self) -> anyhow::Result<Duration> {
        let tasks = (0..BURST).map(|number| task::ActiveModel {
            id: Set(Uuid::now_v7()),
            project_id: Set(self.project),
            title: Set(format!("task {number}")),
            ..Default::default()
        });
        let tx = self.server.db().begin().await?;
        tx.insert_many::<task::Entity>(tasks).await?;
        tx.commit().await?;
        expect(&mut self.follower, "INSERT").await?;
        let first = Instant::now();
        for _ in 1..BURST {
            expect(&mut self.follower, "INSERT").await?;
        }
        let time = first.elapsed();
        for socket in &mut self.others {
            // They are still there, and have been told nothing.
            socket.send(&json!({ "type": "ping" })).await?;
            let pong = socket.message().await?;
            ensure!(pong["type"] == "pong", "told of others: {pong}");
        }
        Ok(time)
    }

    async fn stop(self) -> anyhow::Result<()> {
        drop((self.others, self.follower));
        self.server.stop().await?;
        self.own.drop().await
    }
}

/// A socket with a subscription to this project's tasks, or to those of many.
async fn subscribed(
    server: &TestServer,
    after: &str,
    project: Option<Uuid>,
) -> anyhow::Result<Socket> {
    let mut socket = server.socket().await?;
    let count = project.map_or(ON_A_SOCKET, |_| 1);
    for _ in 0..count {
        let project = project.unwrap_or_else(Uuid::now_v7);
        let variables = json!({ "project": project, "after": after });
        socket.subscribe(QUERY, variables).await?;
        expect(&mut socket, "CAUGHT_UP").await?;
    }
    Ok(socket)
}

async fn expect(socket: &mut Socket, kind: &str) -> anyhow::Result<()> {
    let data: Json = socket.next().await?;
    let found = &data["taskChanges"]["kind"];
    ensure!(found == kind, "{found} instead of {kind}");
    Ok(())
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    if !ground.has_sqlite() {
        return Ok(());
    }
    let sides = [Side::start(MANY).await?, Side::start(FEW).await?];
    let sides = sides.map(Mutex::new);
    let work = sides
        .each_ref()
        .map(|side| side_timed(move |_| async move { side.lock().await.burst().await }));
    let times = by_turns(ROUNDS * ground.length, work).await?;
    for side in sides {
        side.into_inner().stop().await?;
    }
    let [many, few] = times.map(|time| time.as_secs_f64() * 1e6 / (BURST - 1) as f64);
    let line = Line::new("sqlite, 100,000 not concerned: a change", many, " µs");
    let line = line.beside("1,000 not concerned", few);
    ground.tell(&line.target(Target::AtMost(SLOWER)));
    Ok(())
}
