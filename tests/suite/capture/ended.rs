//! A transaction that the database ends by itself takes nothing along: what was acknowledged is in the
//! database, nothing else is, and readers and writers go on (invariants 1 and 2).
//!
//! SQLite ends one when there is no room, by `RAISE(ROLLBACK)` and by `ON CONFLICT ROLLBACK`; MariaDB at
//! a deadlock; a server that ends a connection ends its transaction too.

pub mod requests;
pub mod savepoints;
pub mod servers;

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Database as SeaDatabase,
    DatabaseConnection, DbErr, Statement, TransactionTrait,
};
use seachange::changelog::{CaptureError, Retry, TrackedTransaction};
use seachange::{Consumer, ConsumerState, Delivery, Handler, HandlerError, Start};
use seachange_entity::label;
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::json;

seachange_testkit::cases! {
    Sqlite: a_write_through_hooks, a_write_in_a_savepoint, many_rows_at_once,
        a_consumers_checkpoint, a_plain_transaction, a_statement_that_fails_and_leaves_rows;
}

/// What the row's trigger does to the transaction.
const BAD: [&str; 3] = ["raise rollback", "conflict rollback", "raise abort"];

/// Triggers of a user's, on a tracked table.
const TRIGGERS: [&str; 5] = [
    "CREATE TABLE once (id integer PRIMARY KEY ON CONFLICT ROLLBACK)",
    "INSERT INTO once VALUES (1)",
    "CREATE TRIGGER raise_rollback AFTER INSERT ON label WHEN NEW.name = 'raise rollback'
        BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END",
    "CREATE TRIGGER raise_abort AFTER INSERT ON label WHEN NEW.name = 'raise abort'
        BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    "CREATE TRIGGER conflict AFTER INSERT ON label WHEN NEW.name = 'conflict rollback'
        BEGIN INSERT INTO once VALUES (1); END",
];

fn is_sqlite(server: &TestServer) -> bool {
    matches!(server.kind, Database::Sqlite)
}

async fn triggers(server: &TestServer) -> Outcome {
    for sql in TRIGGERS {
        server.db().writer().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// The names that end the transaction, and one for which there is no room.
fn bad_names() -> Vec<String> {
    let mut names: Vec<String> = BAD.map(str::to_owned).to_vec();
    names.push("no room ".repeat(100_000));
    names
}

/// How far the database may grow on the one connection that writes: by a few pages, or as it likes.
async fn room(server: &TestServer, is_scarce: bool) -> Outcome {
    let writer = server.db().writer();
    let ask = Statement::from_string(writer.get_database_backend(), "PRAGMA page_count");
    let row = writer.query_one_raw(ask).await?;
    let pages: i64 = row
        .map(|row| row.try_get("", "page_count"))
        .transpose()?
        .unwrap_or(0);
    let most = if is_scarce {
        pages + 20
    } else {
        i64::from(i32::MAX)
    };
    let limit = format!("PRAGMA max_page_count = {most}");
    writer.execute_unprepared(&limit).await?;
    Ok(())
}

fn named(name: &str) -> label::ActiveModel {
    label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

async fn insert(tx: &TrackedTransaction, name: &str) -> Result<(), DbErr> {
    named(name).insert(tx).await.map(|_| ())
}

/// Another connection to the database, as another program has it.
async fn other(server: &TestServer) -> anyhow::Result<DatabaseConnection> {
    Ok(SeaDatabase::connect(&server.settings.database_url).await?)
}

/// Writes more, through the server and beside it, and finds in the database what was acknowledged and
/// nothing else.
async fn goes_on(server: &TestServer, acknowledged: &[&str]) -> Outcome {
    if is_sqlite(server) {
        room(server, false).await?;
    }
    let mut wanted: BTreeSet<String> = acknowledged.iter().map(|name| (*name).to_owned()).collect();
    for round in 0..3 {
        let name = format!("after {round} {}", uuid::Uuid::now_v7());
        server.label(&name).await?;
        wanted.insert(name);
        // Taken back, and only that.
        let tx = server.db().begin().await?;
        insert(&tx, "taken back").await?;
        tx.rollback().await?;
    }
    let other = other(server).await?;
    other
        .execute_unprepared("CREATE TABLE others (id integer)")
        .await?;
    other.execute_unprepared("DROP TABLE others").await?;
    let ask = Statement::from_string(other.get_database_backend(), "SELECT name FROM label");
    let rows = other.query_all_raw(ask).await?;
    let names: Result<BTreeSet<String>, DbErr> =
        rows.iter().map(|row| row.try_get("", "name")).collect();
    let found: BTreeSet<String> = names?
        .into_iter()
        .filter(|name| !name.starts_with("after ") || wanted.contains(name))
        .collect();
    other.close().await?;
    assert_eq!(found, wanted);
    server.verify().await
}

async fn a_write_through_hooks(server: &TestServer) -> Outcome {
    triggers(server).await?;
    for ending in ["commit", "rollback", "drop"] {
        for name in bad_names() {
            room(server, name.starts_with("no room")).await?;
            let tx = server.db().begin().await?;
            insert(&tx, "lost").await?;
            insert(&tx, &name).await.expect_err(&name[..8]);
            match ending {
                // An abort takes back its statement only, and so may a lack of room.
                "commit" if name == "raise abort" || name.starts_with("no room") => {
                    tx.rollback().await?;
                }
                "commit" => {
                    let refused = tx.commit().await.expect_err("nothing to commit");
                    let refusal = CaptureError::of(&refused);
                    assert!(
                        matches!(refusal, Some(CaptureError::Retry(Retry::Ended))),
                        "{refused}"
                    );
                }
                "rollback" => tx.rollback().await?,
                _ => drop(tx),
            }
            goes_on(server, &[]).await?;
        }
    }
    Ok(())
}

async fn a_write_in_a_savepoint(server: &TestServer) -> Outcome {
    triggers(server).await?;
    for is_dropped in [false, true] {
        for name in bad_names() {
            room(server, name.starts_with("no room")).await?;
            let tx = server.db().begin().await?;
            insert(&tx, "lost").await?;
            let outer = tx.begin().await?;
            let inner = outer.begin().await?;
            insert(&inner, &name).await.expect_err(&name[..8]);
            if is_dropped {
                drop((inner, outer, tx));
            } else {
                inner.rollback().await?;
                outer.rollback().await?;
                tx.rollback().await?;
            }
            goes_on(server, &[]).await?;
        }
    }
    Ok(())
}

async fn many_rows_at_once(server: &TestServer) -> Outcome {
    triggers(server).await?;
    for name in bad_names() {
        room(server, name.starts_with("no room")).await?;
        let tx = server.db().begin().await?;
        insert(&tx, "lost").await?;
        let rows = ["lost one", &name, "lost two"].map(named);
        tx.insert_many::<label::Entity>(rows)
            .await
            .expect_err(&name[..8]);
        drop(tx);
        goes_on(server, &[]).await?;
    }
    Ok(())
}

/// Says what it handled, and never fails.
struct Heard(tokio::sync::mpsc::UnboundedSender<usize>);

#[async_trait::async_trait]
impl Handler for Heard {
    async fn handle(&mut self, delivery: &Delivery) -> Result<(), HandlerError> {
        Ok(self.0.send(delivery.changes.len())?)
    }
}

async fn a_consumers_checkpoint(server: &TestServer) -> Outcome {
    let writer = server.db().writer();
    writer
        .execute_unprepared(
            "CREATE TRIGGER checkpoint BEFORE UPDATE ON change_consumer
             BEGIN SELECT RAISE(ROLLBACK, 'not now'); END",
        )
        .await?;
    let (say, _) = tokio::sync::mpsc::unbounded_channel();
    let consumer = Consumer::new("heard").beginning(Start::Oldest);
    let mut handle = consumer.start(server.server().feed(), server.db(), Heard(say));
    // Trying again cannot help, so it stops after a few times.
    let stopped = |state: &ConsumerState| matches!(state, ConsumerState::Stopped(_));
    handle.state_when(stopped).await;
    goes_on(server, &[]).await?;
    writer.execute_unprepared("DROP TRIGGER checkpoint").await?;
    let (say, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let consumer = Consumer::new("heard").beginning(Start::Oldest);
    let handle = consumer.start(server.server().feed(), server.db(), Heard(say));
    let mut changes = 0;
    while changes < 3 {
        let next = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await?;
        changes += next.unwrap_or_default();
    }
    handle.stop().await;
    goes_on(server, &[]).await
}

/// What an adopter does on the connection without tracking.
async fn a_plain_transaction(server: &TestServer) -> Outcome {
    triggers(server).await?;
    for ending in ["commit", "rollback", "drop"] {
        let tx = server.db().writer().begin().await?;
        tx.execute_unprepared("INSERT INTO once VALUES (2)").await?;
        let inner = tx.begin().await?;
        inner
            .execute_unprepared("INSERT INTO once VALUES (1)")
            .await
            .expect_err("taken, and the transaction with it");
        drop(inner);
        match ending {
            "commit" => assert!(tx.commit().await.is_err()),
            "rollback" => assert!(tx.rollback().await.is_err()),
            _ => drop(tx),
        }
        goes_on(server, &[]).await?;
    }
    Ok(())
}

/// `RAISE(FAIL)` ends a statement and leaves the rows that it wrote before: no hook could record them.
async fn a_statement_that_fails_and_leaves_rows(server: &TestServer) -> Outcome {
    server
        .db()
        .writer()
        .execute_unprepared(
            "CREATE TRIGGER raise_fail AFTER INSERT ON label WHEN NEW.name = 'raise fail'
             BEGIN SELECT RAISE(FAIL, 'not this one'); END",
        )
        .await?;
    // Swallowed, and the row is in the table: it does not commit.
    let tx = server.db().begin().await?;
    insert(&tx, "raise fail").await.expect_err("failed");
    tx.commit().await.expect_err("the row is not recorded");
    goes_on(server, &[]).await?;
    // A savepoint takes it back.
    let tx = server.db().begin().await?;
    insert(&tx, "kept").await?;
    let savepoint = tx.begin().await?;
    insert(&savepoint, "raise fail").await.expect_err("failed");
    savepoint.rollback().await?;
    tx.insert_many::<label::Entity>([named("kept too")]).await?;
    let rows = ["lost", "raise fail"].map(named);
    tx.insert_many::<label::Entity>(rows)
        .await
        .expect_err("failed");
    tx.commit().await?;
    let answer = server
        .client()
        .send(
            "mutation { labelCreateOne(data: { name: \"raise fail\" }) { id } }",
            json!({}),
        )
        .await?;
    assert!(answer.body["errors"].is_array());
    goes_on(server, &["kept", "kept too"]).await
}
