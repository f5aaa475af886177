//! What capture costs a writer, and how soon a reader has the change.
//!
//! The same transaction with and without capture, side by side in one run: one line a case with its
//! rate, what it is compared with, and the ratio. On SQLite, and on the databases that
//! `SEACHANGE_TEST_POSTGRES_URL` and `SEACHANGE_TEST_MYSQL_URL` name, which must be empty ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Database, DatabaseConnection, Schema,
    TransactionSession, TransactionTrait,
};
use seachange::changelog::{TrackedConnection, create_change_log, drop_change_log};
use seachange::{Feed, FeedItem, Selection, Start};
use tokio::sync::Notify;

mod tracked {
    //! With capture.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bench_tracked")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub number: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    seachange_changelog::track!();
}

mod plain {
    //! The twin without.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bench_plain")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub number: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Writes a case; the two sides take turns, so that a busy machine slows both.
const ROUNDS: usize = 6;
const WRITES: i64 = 150;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sqlite = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("bench.db").display()
    );
    bench("sqlite", &sqlite).await?;
    for (name, variable) in [
        ("postgres", "SEACHANGE_TEST_POSTGRES_URL"),
        ("mariadb", "SEACHANGE_TEST_MYSQL_URL"),
    ] {
        match std::env::var(variable) {
            Ok(url) => bench(name, &url).await?,
            Err(_) => println!("{name}: skipped, {variable} is not set"),
        }
    }
    Ok(())
}

async fn bench(name: &str, url: &str) -> anyhow::Result<()> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "NORMAL")
        });
    let db = Database::connect(options).await?;
    tables(&db, true).await.context("bench tables")?;
    let connection = TrackedConnection::new(db.clone());
    let (mut inserts, mut updates) = ([Duration::ZERO; 2], [Duration::ZERO; 2]);
    for round in 0..ROUNDS {
        let ids = round as i64 * WRITES..(round as i64 + 1) * WRITES;
        let begun = Instant::now();
        for id in ids.clone() {
            let tx = connection.begin().await?;
            tracked::ActiveModel {
                id: Set(id),
                name: Set("name".into()),
                number: Set(0),
            }
            .insert(&tx)
            .await?;
            tx.commit().await?;
        }
        inserts[0] += begun.elapsed();
        let begun = Instant::now();
        for id in ids.clone() {
            let tx = connection.begin().await?;
            plain::ActiveModel {
                id: Set(id),
                name: Set("name".into()),
                number: Set(0),
            }
            .insert(&tx)
            .await?;
            tx.commit().await?;
        }
        inserts[1] += begun.elapsed();
        let begun = Instant::now();
        for id in ids.clone() {
            let tx = connection.begin().await?;
            tracked::ActiveModel {
                id: Set(id),
                number: Set(1),
                ..Default::default()
            }
            .update(&tx)
            .await?;
            tx.commit().await?;
        }
        updates[0] += begun.elapsed();
        let begun = Instant::now();
        for id in ids {
            let tx = connection.begin().await?;
            plain::ActiveModel {
                id: Set(id),
                number: Set(1),
                ..Default::default()
            }
            .update(&tx)
            .await?;
            tx.commit().await?;
        }
        updates[1] += begun.elapsed();
    }
    line(name, "insert with capture", inserts);
    line(name, "update with capture", updates);
    latency(name, url, &connection).await?;
    tables(&db, false).await
}

fn line(database: &str, case: &str, [captured, plain]: [Duration; 2]) {
    let writes = (ROUNDS as f64) * (WRITES as f64);
    println!(
        "{database}: {case}: {:.0}/s, without {:.0}/s, ratio {:.2}",
        writes / captured.as_secs_f64(),
        writes / plain.as_secs_f64(),
        plain.as_secs_f64() / captured.as_secs_f64()
    );
}

/// From the commit's answer to the subscriber, on the committing node, nothing else going on.
async fn latency(name: &str, url: &str, connection: &TrackedConnection) -> anyhow::Result<()> {
    let wake = Arc::new(Notify::new());
    let signal = Arc::clone(&wake);
    let connection = connection
        .clone()
        .with_on_commit(move || signal.notify_one());
    let feed = Feed::start(Database::connect(url).await?, wake).await?;
    let mut subscription = feed.subscribe(&Start::Now, Selection::default()).await?;
    let mut waits = Vec::new();
    for id in 0..200 {
        let tx = connection.begin().await?;
        tracked::ActiveModel {
            id: Set(id),
            number: Set(2),
            ..Default::default()
        }
        .update(&tx)
        .await?;
        tx.commit().await?;
        let committed = Instant::now();
        while !matches!(subscription.next().await?, FeedItem::Change(_)) {}
        waits.push(committed.elapsed());
    }
    waits.sort_unstable();
    println!(
        "{name}: commit to delivered, same node: p50 {:.1} ms, p99 {:.1} ms",
        waits[100].as_secs_f64() * 1e3,
        waits[197].as_secs_f64() * 1e3
    );
    Ok(())
}

async fn tables(db: &DatabaseConnection, create: bool) -> anyhow::Result<()> {
    for table in ["bench_tracked", "bench_plain"] {
        db.execute_unprepared(&format!("DROP TABLE IF EXISTS {table}"))
            .await?;
    }
    if !create {
        return Ok(drop_change_log(db).await?);
    }
    create_change_log(db).await?;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(tracked::Entity))
        .await?;
    db.execute(&schema.create_table_from_entity(plain::Entity))
        .await?;
    Ok(())
}
