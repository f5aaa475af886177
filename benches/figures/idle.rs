//! What a server does when nothing happens: its queries a second and its processor time, without
//! subscriptions and with a hundred.
//!
//! Processor time is that of this whole process, clients included. Queries are counted by
//! PostgreSQL for the database that a server is on (as transactions: each look at the log is one
//! statement); by MariaDB for the one connection that a feed is given, since it counts by connection
//! or for everybody; on SQLite by SeaORM for a feed's connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use seachange::{Feed, Selection, Start};
use seachange_testkit::{Database, OwnDatabase, TestServer};
use serde_json::json;
use tokio::sync::Notify;

use super::ground::{Ground, drop_both, settings, with_log};
use super::process::Process;
use super::table::{Line, Target};

/// How long is watched.
const TIME: Duration = Duration::from_secs(20);
/// Until the tail has found that nothing happens.
const SETTLED: Duration = Duration::from_secs(3);
/// PostgreSQL's connections tell what they did up to ten seconds later.
const TOLD: Duration = Duration::from_secs(12);
/// Two looks a second; a count over 20 s may have one more at its edge.
const QUERIES: f64 = 2.05;
/// Of one processor: the clock of processor time ticks a hundred times a second.
const PERCENT: f64 = 1.0;

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        for subscriptions in [0, 100] {
            let case = format!("{}, {subscriptions} subscriptions", kind.name());
            let (processor, counted) = server(ground, kind, subscriptions).await?;
            let line = Line::new(format!("{case}: processor time"), processor, " %");
            ground.tell(&line.target(Target::AtMost(PERCENT)));
            let queries = match counted {
                Some(queries) => queries,
                None => feed(ground, kind, subscriptions).await?,
            };
            let line = Line::new(format!("{case}: queries"), queries, "/s");
            ground.tell(&line.target(Target::AtMost(QUERIES)));
        }
    }
    Ok(())
}

/// Watches a server: percentage of a processor, and queries a second if the database tells them.
async fn server(
    ground: &Ground,
    kind: &Database,
    subscriptions: usize,
) -> anyhow::Result<(f64, Option<f64>)> {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    let mut socket = server.socket().await?;
    for _ in 0..subscriptions {
        socket
            .subscribe("subscription { changes { cursor } }", json!({}))
            .await?;
    }
    let watcher = match kind {
        // Another database, so that the watching is not counted.
        Database::Postgres(admin) => Some(sea_orm::Database::connect(admin.as_str()).await?),
        Database::Sqlite | Database::MariaDb(_) => None,
    };
    tokio::time::sleep(watcher.as_ref().map_or(SETTLED, |_| TOLD)).await;
    let name = own.url.rsplit('/').next().unwrap_or_default();
    let before = (
        Process::Own.processor_time()?,
        transactions(watcher.as_ref(), name).await?,
    );
    let begun = Instant::now();
    tokio::time::sleep(TIME * ground.length).await;
    let time = begun.elapsed().as_secs_f64();
    let after = (
        Process::Own.processor_time()?,
        transactions(watcher.as_ref(), name).await?,
    );
    drop(socket);
    server.stop().await?;
    if let Some(watcher) = watcher {
        watcher.close().await?;
    }
    own.drop().await?;
    let counted = after.1.zip(before.1);
    Ok((
        (after.0 - before.0).as_secs_f64() / time * 100.0,
        counted.map(|(after, before)| (after - before) as f64 / time),
    ))
}

/// Transactions on the database until now.
async fn transactions(
    watcher: Option<&DatabaseConnection>,
    name: &str,
) -> anyhow::Result<Option<i64>> {
    let Some(watcher) = watcher else {
        return Ok(None);
    };
    let select = Statement::from_sql_and_values(
        watcher.get_database_backend(),
        "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = $1",
        [name.into()],
    );
    let row = watcher.query_one_raw(select).await?;
    Ok(Some(row.context("the database")?.try_get("", "n")?))
}

/// Watches a feed: queries a second.
async fn feed(ground: &Ground, kind: &Database, subscriptions: usize) -> anyhow::Result<f64> {
    let (own, db) = with_log(kind, 1).await?;
    let mut watched = seachange::connect(&settings(&own, 1))
        .await?
        .writer()
        .clone();
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    watched.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let feed = Feed::start(watched.clone(), Arc::new(Notify::new())).await?;
    let mut subscribed = Vec::new();
    for _ in 0..subscriptions {
        let all = Selection::default();
        let mut subscription = feed.subscribe(&Start::Now, all).await?;
        subscribed.push(tokio::spawn(async move {
            while subscription.next().await.is_ok() {}
        }));
    }
    tokio::time::sleep(SETTLED).await;
    let before = questions(kind, &watched, &count).await?;
    let begun = Instant::now();
    tokio::time::sleep(TIME * ground.length).await;
    let time = begun.elapsed().as_secs_f64();
    let asking = u64::from(matches!(kind, Database::MariaDb(_)));
    let after = questions(kind, &watched, &count).await? - asking;
    for task in subscribed {
        task.abort();
    }
    drop(feed);
    watched.close().await?;
    drop_both(own, db).await?;
    Ok((after - before) as f64 / time)
}

/// Queries of the connection until now; MariaDB counts this one too.
async fn questions(
    kind: &Database,
    watched: &DatabaseConnection,
    count: &AtomicU64,
) -> anyhow::Result<u64> {
    if !matches!(kind, Database::MariaDb(_)) {
        return Ok(count.load(Ordering::Relaxed));
    }
    let show = "SHOW SESSION STATUS LIKE 'Questions'";
    let show = Statement::from_string(watched.get_database_backend(), show);
    let row = watched.query_one_raw(show).await?.context("a count")?;
    Ok(row.try_get_by_index::<String>(1)?.parse()?)
}
