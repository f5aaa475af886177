//! Waiting for locks: bounded, for the request alone that waits; and what `readyz` says of writes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, IntoActiveModel, Statement,
    TransactionTrait,
};
use seachange::changelog::is_transient;
use seachange::{FeedItem, Selection, Start};
use seachange_entity::label;
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::json;

use crate::graphql::given::LABELS;

seachange_testkit::cases! {
    Every: a_wait_for_a_lock_ends_for_those_who_wait, readyz_says_when_nothing_can_be_written;
    Servers: a_transaction_waits_for_as_long_as_it_says;
}

/// More than there are connections.
const WAITING: usize = 12;

/// The longest that those who wait for two seconds may take, on a machine that is busy with other things.
const MOST: Duration = Duration::from_secs(10);

/// Far beyond any wait here.
const PATIENCE: Duration = Duration::from_secs(60);

async fn a_wait_for_a_lock_ends_for_those_who_wait(server: &TestServer) -> Outcome {
    let short = server
        .beside(|settings| settings.limits.lock_wait = Duration::from_secs(2))
        .await?;
    let label = LABELS
        .create(&server.client(), json!({ "name": "held" }))
        .await?;
    let id = label["id"].clone();
    let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
    let tx = server.db().begin().await?;
    let held = label::ActiveModel {
        id: Set(number.unwrap_or_default()),
        name: Set("held here".to_owned()),
    };
    held.update(&tx).await?;
    // All of them want the row.
    let begin = Instant::now();
    let wait = async |number: usize| {
        let variables = json!({
            "data": { "name": format!("wanted {number}") },
            "filter": { "id": { "eq": id } },
        });
        let answer = short.client().send(&LABELS.update(), variables).await?;
        anyhow::Ok((answer.code()?.to_owned(), begin.elapsed()))
    };
    let waiting = join_all((0..WAITING).map(wait));
    // Those who read do not wait with them.
    let reading = async {
        let mut reads = 0;
        while begin.elapsed() < Duration::from_millis(1_500) {
            let read = Instant::now();
            let rows = LABELS.find(&short.client(), json!({})).await?;
            assert_eq!(rows[0]["name"], "held");
            assert!(
                read.elapsed() < Duration::from_secs(1),
                "{:?}",
                read.elapsed()
            );
            reads += 1;
        }
        assert!(short.server().feed().is_healthy());
        anyhow::Ok(reads)
    };
    let (waited, reads) = tokio::join!(waiting, reading);
    assert!(reads? > 0);
    for waited in waited {
        let (code, time) = waited?;
        assert_eq!(code, "UNAVAILABLE", "after {time:?}");
        // A statement on PostgreSQL waits twice, for its turn at the row and then for the row, and there are
        // five tries, which would be twenty seconds if each had the whole time.
        assert!(time < MOST, "{time:?}");
        assert!(time > Duration::from_millis(1_500), "{time:?}");
    }
    let head = Start::After(short.server().feed().head().await?);
    tx.commit().await?;
    let mut feed = short
        .server()
        .feed()
        .subscribe(&head, Selection::default())
        .await?;
    let item = async {
        loop {
            if let FeedItem::Change(change) = feed.next().await? {
                return anyhow::Ok(change);
            }
        }
    };
    let change = tokio::time::timeout(PATIENCE, item).await??;
    assert_eq!(
        change.row.after.clone().unwrap_or_default()["name"],
        "held here"
    );
    short.label("after").await?;
    short.stop().await
}

async fn a_transaction_waits_for_as_long_as_it_says(server: &TestServer) -> Outcome {
    let long = server
        .beside(|settings| {
            settings.limits.lock_wait = Duration::from_secs(60);
            settings.database_connections = 1;
        })
        .await?;
    let tx = server.db().begin().await?;
    let held = label::ActiveModel {
        name: Set("held".to_owned()),
        ..Default::default()
    };
    let mut held = held.insert(&tx).await?.into_active_model();
    tx.commit().await?;
    let tx = server.db().begin().await?;
    held.name = Set("held here".to_owned());
    held.clone().update(&tx).await?;
    held.name = Set("wanted".to_owned());
    // Ended in each way; the one connection then waits as before.
    for ending in ["commit", "rollback", "drop"] {
        let wanted = long.db().begin().await?;
        wanted.limit_lock_waits(Duration::from_millis(300)).await?;
        let begin = Instant::now();
        let savepoint = wanted.begin().await?;
        let error = held
            .clone()
            .update(&savepoint)
            .await
            .expect_err("it is held");
        assert!(is_transient(&error), "{error}");
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{:?}",
            begin.elapsed()
        );
        savepoint.rollback().await?;
        match ending {
            "commit" => wanted.commit().await?,
            "rollback" => wanted.rollback().await?,
            _ => drop(wanted),
        }
        let ask = match server.kind {
            Database::Postgres(_) => "SELECT current_setting('lock_timeout') AS wait",
            _ => "SELECT CAST(@@innodb_lock_wait_timeout AS CHAR) AS wait",
        };
        let writer = long.db().writer();
        let ask = Statement::from_string(writer.get_database_backend(), ask);
        let row = writer.query_one_raw(ask).await?;
        let wait: Option<String> = row.map(|row| row.try_get("", "wait")).transpose()?;
        let wait = wait.unwrap_or_default();
        assert!(["30s", "60"].contains(&wait.as_str()), "{ending}: {wait}");
    }
    tx.rollback().await?;
    long.stop().await
}

async fn readyz(server: &TestServer) -> anyhow::Result<(u16, String)> {
    let url = format!("{}/readyz", server.url());
    let answer = server.client().http().get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

async fn readyz_when(server: &TestServer, wanted: u16) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, reason) = readyz(server).await?;
        if status == wanted {
            return Ok(reason);
        }
        anyhow::ensure!(Instant::now() < deadline, "{status}: {reason}");
        tokio::task::yield_now().await;
    }
}

async fn readyz_says_when_nothing_can_be_written(server: &TestServer) -> Outcome {
    assert_eq!(readyz(server).await?, (200, "ready".to_owned()));
    let plain = server.db().writer();
    plain
        .execute_unprepared("ALTER TABLE change_request RENAME TO hidden")
        .await?;
    let reason = readyz_when(server, 503).await?;
    assert_eq!(reason, "the database takes no writes");
    plain
        .execute_unprepared("ALTER TABLE hidden RENAME TO change_request")
        .await?;
    readyz_when(server, 200).await?;
    Ok(())
}
