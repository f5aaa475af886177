//! What order costs a writer: inserts into the log with and without that which ordering needs.
//!
//! PostgreSQL: the column `xid`, its index, and the ticks of a feed. MariaDB: the inbox and the
//! sequencer that empties it. SQLite needs nothing.

use std::sync::Arc;

use futures_util::future::try_join_all;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, InsertStatement, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use seachange::Feed;
use seachange_testkit::Database;
use tokio::sync::Notify;

use super::ground::{Ground, drop_both, settings, with_log};
use super::table::Line;
use super::turns::{by_turns, rate, side, side_then};

/// Rounds of each side.
const ROUNDS: u32 = 50;
/// Inserts of each writer in a round, each in a transaction.
const INSERTS: u32 = 4;
/// The log as it would be without ordering.
const TWIN: &str = "bench_log";

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        let (log, makes): (_, &[&str]) = match kind {
            Database::Sqlite => continue,
            Database::Postgres(_) => (
                "change_log",
                &[
                    "CREATE TABLE bench_log (LIKE change_log INCLUDING ALL)",
                    "ALTER TABLE bench_log DROP COLUMN xid",
                ],
            ),
            Database::MariaDb(_) => (
                "change_inbox",
                &[
                    "CREATE TABLE bench_log LIKE change_log",
                    "ALTER TABLE bench_log DROP COLUMN inbox_id",
                ],
            ),
        };
        let (own, db) = with_log(kind, 10).await?;
        for sql in makes {
            db.writer().execute_unprepared(sql).await?;
        }
        let wake = Arc::new(Notify::new());
        if matches!(kind, Database::Postgres(_)) {
            let case = "postgres: log insert with xid and index";
            bench(ground, case, db.writer(), log, &wake, None).await?;
        }
        let feed = seachange::connect(&settings(&own, 10)).await?;
        let following = Feed::start(feed.writer().clone(), Arc::clone(&wake)).await?;
        let case = match kind {
            Database::MariaDb(_) => "mariadb: log insert by inbox and sequencer",
            _ => "postgres: the same while ticks are made",
        };
        bench(ground, case, db.writer(), log, &wake, Some(&following)).await?;
        drop(following);
        feed.writer().clone().close().await?;
        drop_both(own, db).await?;
    }
    Ok(())
}

async fn bench(
    ground: &Ground,
    case: &str,
    db: &DatabaseConnection,
    log: &str,
    wake: &Notify,
    feed: Option<&Feed>,
) -> anyhow::Result<()> {
    for writers in [1, 8] {
        let ordered = move |_| inserts(db, log, writers, Some(wake));
        // What the feed has not done yet is not the twin's to wait for.
        let settle = move || async move {
            if let Some(feed) = feed {
                feed.head().await?;
            }
            Ok(())
        };
        let twin = move |_| inserts(db, TWIN, writers, None);
        let sides = [side_then(ordered, settle), side(twin)];
        let [ordered, twin] = by_turns(ROUNDS * ground.length, sides).await?;
        let count = writers * INSERTS;
        let line = Line::new(
            format!("{case}, {writers} at once"),
            rate(count, ordered),
            "/s",
        );
        ground.tell(&line.beside("without", rate(count, twin)));
    }
    Ok(())
}

/// Each writer's transactions.
async fn inserts(
    db: &DatabaseConnection,
    table: &str,
    writers: u32,
    wake: Option<&Notify>,
) -> anyhow::Result<()> {
    let insert = insertion(table, db.get_database_backend());
    let writer = |_| async {
        for _ in 0..INSERTS {
            let tx = db.begin().await?;
            tx.execute(&insert).await?;
            tx.commit().await?;
            if let Some(wake) = wake {
                wake.notify_one();
            }
        }
        anyhow::Ok(())
    };
    try_join_all((0..writers).map(writer)).await?;
    Ok(())
}

/// A change as capture would record it.
fn insertion(table: &str, backend: DbBackend) -> InsertStatement {
    let json = |text: &str| match backend {
        DbBackend::Postgres => Expr::val(text).cast_as("json"),
        _ => Expr::val(text),
    };
    let columns = [
        "entity",
        "row_key",
        "operation",
        "before",
        "after",
        "transaction_id",
        "source",
        "schema_version",
        "recorded_at",
    ];
    let transaction = uuid::Uuid::now_v7().simple().to_string();
    let values = [
        Expr::val("bench_tracked"),
        json(r#"{"id":"1"}"#),
        Expr::val("update"),
        json(r#"{"id":"1","name":"name","number":"0"}"#),
        json(r#"{"id":"1","name":"name","number":"1"}"#),
        Expr::val(transaction),
        Expr::val("hook"),
        Expr::val(1),
        Expr::val(chrono::Utc::now()),
    ];
    Query::insert()
        .into_table(Alias::new(table))
        .columns(columns.map(Alias::new))
        .values_panic(values)
        .take()
}
