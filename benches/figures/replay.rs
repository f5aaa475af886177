//! Reading the whole log from a cursor, through the feed and over a WebSocket, beside reading the
//! same rows by SQL on the same driver.

use anyhow::ensure;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, InsertStatement, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, StreamTrait,
};
use seachange::changelog::log;
use seachange::{Feed, FeedItem, Selection, Start};
use seachange_testkit::{Database, OwnDatabase, Socket, TestServer};
use serde_json::json;

use super::ground::Ground;
use super::table::{Line, Target};
use super::turns::{by_turns, rate, side};

/// Rounds of each side.
const ROUNDS: u32 = 3;
/// Changes in the log.
const CHANGES: u32 = 100_000;
/// Changes that came in one transaction.
const TOGETHER: u32 = 500;
/// On PostgreSQL, where a batch is what came between two looks at the log: many small ones.
const FEW: (u32, u32) = (20_000, 10);
/// Rows of a page by SeaORM; as many as the feed reads at once.
const PAGE: u64 = 500;

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        bench(ground, kind, CHANGES, TOGETHER).await?;
        if matches!(kind, Database::Postgres(_)) {
            bench(ground, kind, FEW.0, FEW.1).await?;
        }
    }
    Ok(())
}

async fn bench(
    ground: &Ground,
    kind: &Database,
    changes: u32,
    together: u32,
) -> anyhow::Result<()> {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    let (db, feed) = (server.db().writer(), server.server().feed());
    fill(db, feed, changes, together).await?;
    let url = &server.url();
    let sides = [
        side(move |_| by_feed(feed, changes)),
        side(move |_| by_socket(url, changes)),
        side(move |_| by_sql(db, changes)),
        side(move |_| by_models(db, changes)),
    ];
    let times = by_turns(ROUNDS * ground.length, sides).await?;
    let [feed, socket, sql, models] = times.map(|time| rate(changes, time));
    let case = format!("{}, {together} changes a batch", kind.name());
    let target = Target::AtLeast(0.5);
    for (name, value) in [("feed", feed), ("WebSocket", socket)] {
        let line = Line::new(format!("{case}: {name}"), value, "/s").beside("rows by SQL", sql);
        ground.tell(&line.target((name == "feed").then_some(target)));
    }
    let line = Line::new(format!("{case}: feed"), feed, "/s");
    ground.tell(&line.beside("SeaORM's models, paged", models));
    server.stop().await?;
    own.drop().await
}

/// Fills the log as writers would; the feed looks after each transaction.
async fn fill(
    db: &DatabaseConnection,
    feed: &Feed,
    changes: u32,
    together: u32,
) -> anyhow::Result<()> {
    let mut number = 0;
    while number < changes {
        let insert = insertion(number..number + together, db.get_database_backend());
        db.execute(&insert).await?;
        feed.head().await?;
        number += together;
    }
    // Fresh rows have neither statistics nor visibility marks; a log that has been there a while does.
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared("VACUUM ANALYZE change_log").await?;
    }
    Ok(())
}

/// Updates of projects, as capture records them.
fn insertion(numbers: std::ops::Range<u32>, backend: DbBackend) -> InsertStatement {
    use log::Column;
    let json = |value: serde_json::Value| match backend {
        DbBackend::Postgres => Expr::val(value.to_string()).cast_as("json"),
        _ => Expr::val(value.to_string()),
    };
    let table = match backend {
        DbBackend::MySql => "change_inbox",
        _ => "change_log",
    };
    let transaction = uuid::Uuid::now_v7().simple().to_string();
    let mut insert = Query::insert()
        .into_table(Alias::new(table))
        .columns([
            Column::Entity,
            Column::RowKey,
            Column::Operation,
            Column::Before,
            Column::After,
            Column::Actor,
            Column::TransactionId,
            Column::Source,
            Column::SchemaVersion,
            Column::RecordedAt,
        ])
        .take();
    for number in numbers {
        let id = uuid::Uuid::now_v7();
        let image = |archived: bool| {
            json(json!({
                "archived": archived,
                "created_at": "2026-11-01T08:00:00.000000Z",
                "id": id,
                "name": format!("project {number}"),
                "owner": null,
                "updated_at": "2026-11-01T08:00:00.000000Z",
            }))
        };
        insert.values_panic([
            Expr::val("project"),
            json(json!({ "id": id })),
            Expr::val("update"),
            image(false),
            image(true),
            Expr::val("someone"),
            Expr::val(transaction.clone()),
            Expr::val("hook"),
            Expr::val(1),
            Expr::val(Utc::now()),
        ]);
    }
    insert
}

async fn by_feed(feed: &Feed, changes: u32) -> anyhow::Result<()> {
    let mut subscription = feed.subscribe(&Start::Oldest, Selection::default()).await?;
    let mut count = 0;
    while let FeedItem::Change(_) = subscription.next().await? {
        count += 1;
    }
    ensure!(count == changes, "{count} of {changes}");
    Ok(())
}

async fn by_socket(url: &str, changes: u32) -> anyhow::Result<()> {
    let mut socket = Socket::open(url).await?;
    let query = r#"subscription { changes(after: "0") { cursor entity operation before after } }"#;
    socket.subscribe(query, json!({})).await?;
    for _ in 0..changes {
        let text = socket.text().await?;
        ensure!(text.contains(r#""next""#), "not a change: {text:.200}");
    }
    Ok(())
}

/// All rows by one statement, each column taken as what it is stored as.
async fn by_sql(db: &DatabaseConnection, changes: u32) -> anyhow::Result<()> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::MySql => {
            "SELECT id, entity, row_key, operation, `before`, `after`, actor, mutation_id, metadata,
             transaction_id, source, schema_version, recorded_at FROM change_log ORDER BY id"
        }
        DbBackend::Postgres => {
            "SELECT id, entity, row_key::text, operation, before::text, after::text, actor,
             mutation_id, metadata::text, transaction_id, source, schema_version, recorded_at
             FROM change_log ORDER BY id"
        }
        _ => {
            "SELECT id, entity, CAST(row_key AS text) AS row_key, operation,
             CAST(before AS text) AS before, CAST(after AS text) AS after, actor, mutation_id,
             CAST(metadata AS text) AS metadata, transaction_id, source, schema_version, recorded_at
             FROM change_log ORDER BY id"
        }
    };
    let mut rows = db.stream_raw(Statement::from_string(backend, sql)).await?;
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        let _: i64 = row.try_get("", "id")?;
        for text in ["entity", "row_key", "operation", "transaction_id", "source"] {
            let _: String = row.try_get("", text)?;
        }
        for text in ["before", "after", "actor", "mutation_id", "metadata"] {
            let _: Option<String> = row.try_get("", text)?;
        }
        let _: i32 = row.try_get("", "schema_version")?;
        let _: DateTime<Utc> = row.try_get("", "recorded_at")?;
        count += 1;
    }
    ensure!(count == changes, "{count} of {changes}");
    Ok(())
}

/// The rows as SeaORM's models, by pages of the key.
async fn by_models(db: &DatabaseConnection, changes: u32) -> anyhow::Result<()> {
    let (mut last, mut count) = (0, 0);
    loop {
        let page = log::Entity::find()
            .filter(log::Column::Id.gt(last))
            .order_by_asc(log::Column::Id)
            .limit(PAGE)
            .all(db)
            .await?;
        let Some(end) = page.last() else {
            break;
        };
        last = end.id;
        count += page.len();
    }
    ensure!(count == changes as usize, "{count} of {changes}");
    Ok(())
}
