//! What is kept of the log: the horizon, and epochs.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use seachange::changelog::internal::reader::{self, ReadError};
use seachange::changelog::{new_epoch, prune};
use seachange::{Selection, Start};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases! {
    Every: a_cursor_behind_the_horizon, a_cursor_of_another_epoch;
    Postgres: a_database_that_has_moved, a_moved_database_with_a_transaction_open,
        retention_overtakes_a_page;
}

/// A test fails rather than waits longer for a reader to be where it should be.
const PATIENCE: Duration = Duration::from_secs(10);

const CHANGES: &str = "query($after: String) { changes(after: $after) {
    nodes { cursor key } endCursor hasNextPage } changesHead }";

async fn changes(server: &TestServer, after: &str) -> anyhow::Result<Json> {
    server
        .client()
        .data(CHANGES, json!({ "after": after }))
        .await
}

fn count(page: &Json) -> usize {
    page["changes"]["nodes"].as_array().map_or(0, Vec::len)
}

async fn a_cursor_behind_the_horizon(server: &TestServer) -> Outcome {
    server.label("old").await?;
    let old = changes(server, "0").await?;
    server.label("older").await?;
    let head = changes(server, "0").await?["changesHead"].clone();
    let removed = prune(server.db().writer(), Utc::now() + TimeDelta::hours(1)).await?;
    assert_eq!(removed, 2);
    let cursor = json!({ "after": old["changesHead"] });
    assert_eq!(
        server.client().code(CHANGES, cursor).await?,
        "CURSOR_EXPIRED"
    );
    let mut socket = server.socket().await?;
    let query = "subscription($after: String) { changes(after: $after) { cursor } }";
    socket
        .subscribe(query, json!({ "after": old["changesHead"] }))
        .await?;
    let refused = socket.message().await?;
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED",
        "{refused}"
    );
    // Where everything had been read, nothing is missing.
    server.label("new").await?;
    let head = head.as_str().unwrap_or_default();
    assert_eq!(count(&changes(server, head).await?), 1);
    assert_eq!(count(&changes(server, "0").await?), 1);
    Ok(())
}

async fn a_cursor_of_another_epoch(server: &TestServer) -> Outcome {
    server.label("before").await?;
    let old = changes(server, "0").await?["changesHead"].clone();
    let mut socket = server.socket().await?;
    let query = "subscription($after: String) { labelChanges(after: $after) { kind } }";
    socket.subscribe(query, json!({ "after": old })).await?;
    let caught_up = socket.next().await?;
    assert_eq!(caught_up["labelChanges"]["kind"], "CAUGHT_UP");
    new_epoch(server.db().writer()).await?;
    // A server that has been running all along, and one that starts now.
    let renewed = server.beside(|_| {}).await?;
    for server in [server, &renewed] {
        let cursor = json!({ "after": old });
        assert_eq!(
            server.client().code(CHANGES, cursor).await?,
            "RESYNC_REQUIRED"
        );
        assert_eq!(count(&changes(server, "0").await?), 0);
    }
    let refused = socket.message().await?;
    assert_eq!(
        refused["payload"]["errors"][0]["extensions"]["code"], "RESYNC_REQUIRED",
        "{refused}"
    );
    renewed.label("after").await?;
    for server in [server, &renewed] {
        assert_eq!(count(&changes(server, "0").await?), 1);
    }
    let mut socket = server.socket().await?;
    let query = "subscription { changes(after: \"0\") { key } }";
    socket.subscribe(query, json!({})).await?;
    socket.next().await?;
    renewed.finish().await
}

/// PostgreSQL tells by itself that the log was written on another server.
async fn a_database_that_has_moved(server: &TestServer) -> Outcome {
    server.label("before").await?;
    let old = changes(server, "0").await?["changesHead"].clone();
    // What a restored dump looks like: the name of another server, and an xid from its future.
    for sql in [
        "UPDATE change_epoch SET identity = 'elsewhere'",
        "UPDATE change_log SET xid = '4000000000'",
    ] {
        server.db().writer().execute_unprepared(sql).await?;
    }
    let moved = server.beside(|_| {}).await?;
    let cursor = json!({ "after": old });
    assert_eq!(
        moved.client().code(CHANGES, cursor.clone()).await?,
        "RESYNC_REQUIRED"
    );
    assert_eq!(count(&changes(&moved, "0").await?), 0, "history, not feed");
    moved.label("after").await?;
    assert_eq!(count(&changes(&moved, "0").await?), 1);
    // Once: the next start finds everything in its place.
    let head = changes(&moved, "0").await?["changesHead"].clone();
    let again = server.beside(|_| {}).await?;
    again
        .client()
        .data(CHANGES, json!({ "after": head }))
        .await?;
    again.finish().await?;
    moved.finish().await
}

/// A restored row may bear the xid of a transaction that is under way here: still history.
async fn a_moved_database_with_a_transaction_open(server: &TestServer) -> Outcome {
    server.label("before").await?;
    let open = server.db().writer().begin().await?;
    let xid = Statement::from_string(
        DbBackend::Postgres,
        "SELECT pg_current_xact_id()::text AS x",
    );
    let xid = open.query_one_raw(xid).await?.context("no xid")?;
    let xid: String = xid.try_get("", "x")?;
    let same = format!("UPDATE change_log SET xid = '{xid}'");
    for sql in ["UPDATE change_epoch SET identity = 'elsewhere'", &same] {
        server.db().writer().execute_unprepared(sql).await?;
    }
    let moved = server.beside(|_| {}).await?;
    open.commit().await?;
    moved.label("after").await?;
    assert_eq!(count(&changes(&moved, "0").await?), 1, "history, not feed");
    moved.finish().await
}

/// Ticks and rows go while a page is being read: the reader is told, not passed over.
async fn retention_overtakes_a_page(server: &TestServer) -> Outcome {
    server.label("old").await?;
    let all = Selection::default();
    let feed = server.server().feed();
    let page = feed.page(&Start::Oldest, &all, 10).await?;
    let after = page.changes[0].position;
    server.label("older").await?;
    changes(server, "0").await?;
    // Before the page's rows can be read, they and their tick are gone.
    let retention = server.db().writer().begin().await?;
    let lock = "LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE";
    retention.execute_unprepared(lock).await?;
    let log = reader::open(server.db().reader().clone(), page.epoch.to_string());
    let page = log.read(after, &all, 10);
    let remove = async {
        waits_for_the_log(server).await?;
        for sql in [
            "DELETE FROM change_tick WHERE tick_id < (SELECT max(tick_id) FROM change_tick)",
            "DELETE FROM change_log",
        ] {
            retention.execute_unprepared(sql).await?;
        }
        retention.commit().await?;
        anyhow::Ok(())
    };
    let (page, removed) = tokio::join!(page, remove);
    removed?;
    assert!(matches!(page, Err(ReadError::Expired)), "{page:?}");
    // Its rows have no change any more: an end that `verify` would not call sound.
    let sql = "DELETE FROM label";
    server.db().writer().execute_unprepared(sql).await?;
    Ok(())
}

/// Until somebody's read of the log waits for its lock.
async fn waits_for_the_log(server: &TestServer) -> Outcome {
    let waiting = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted
        AND relation = 'change_log'::regclass AND mode = 'AccessShareLock'
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%xid::text AS xid, max(id)%')";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ask = Statement::from_string(DbBackend::Postgres, waiting);
        let row = server.db().writer().query_one_raw(ask).await?;
        if row.context("no row")?.try_get::<i64>("", "n")? > 0 {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "nobody waits");
    }
}
