//! History behind the horizon, after retention, and of changes that have no place in the log yet.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectOptions, ConnectionTrait, Database as SeaDatabase,
    DatabaseConnection, TransactionTrait,
};
use seachange::changelog::{new_epoch, prune};
use seachange_entity::label;
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::super::given::{self, LABELS};
use super::super::revert;
use super::super::watch::head;
use super::{as_of, as_of_query, changes, history, history_query};

seachange_testkit::cases! {
    Every: behind_the_horizon, what_retention_has_removed;
    Servers: transactions_that_overlap;
    MariaDb: before_they_have_a_place;
}

/// A label's key; its names one after the other, each with its own batch of the log.
async fn label(client: &Client, names: &[&str]) -> anyhow::Result<Json> {
    let row = LABELS.create(client, json!({ "name": names[0] })).await?;
    let key = json!({ "id": row["id"] });
    head(client).await?;
    for name in &names[1..] {
        rename(client, &row["id"], name).await?;
        head(client).await?;
    }
    Ok(key)
}

async fn rename(client: &Client, id: &Json, name: &str) -> Outcome {
    let variables = json!({ "data": { "name": name }, "filter": { "id": { "eq": id } } });
    client.data(&LABELS.update(), variables).await?;
    Ok(())
}

fn number(key: &Json) -> anyhow::Result<Json> {
    Ok(given::text(&key["id"])?.parse::<i64>()?.into())
}

/// A new epoch ends the feed, not history.
async fn behind_the_horizon(server: &TestServer) -> Outcome {
    let client = server.client();
    let key = label(&client, &["a", "b", "c"]).await?;
    let old = changes(&client).await?;
    new_epoch(server.db().writer()).await?;
    assert!(changes(&client).await?.is_empty());
    rename(&client, &number(&key)?, "d").await?;
    for first in [1, 2, 4] {
        let mut names = Vec::new();
        let mut arguments = json!({ "key": key, "first": first });
        loop {
            let page = history(&client, LABELS, arguments.clone()).await?;
            let nodes = given::list(page["nodes"].clone())?;
            names.extend(nodes.iter().map(|change| change["after"]["name"].clone()));
            if page["hasNextPage"] == false {
                break;
            }
            arguments["after"] = page["endCursor"].clone();
        }
        assert_eq!(names, ["a", "b", "c", "d"]);
    }
    let page = history(&client, LABELS, json!({ "key": key })).await?;
    for (index, name) in ["a", "b", "c", "d"].iter().enumerate() {
        let cursor = &page["nodes"][index]["cursor"];
        let row = as_of(&client, LABELS, json!({ "key": key, "cursor": cursor })).await?;
        assert_eq!(row["name"], *name);
        let time = &page["nodes"][index]["recordedAt"];
        let row = as_of(&client, LABELS, json!({ "key": key, "time": time })).await?;
        assert_eq!(row["name"], *name);
    }
    let of_old_log = json!({ "key": key, "after": old[0]["cursor"] });
    let code = client.code(&history_query(LABELS), of_old_log).await?;
    assert_eq!(code, "RESYNC_REQUIRED");
    // The feed says of such a cursor what it says of every one behind the horizon.
    let feed = "query($after: String) { changes(after: $after) { endCursor } }";
    let after = json!({ "after": page["nodes"][0]["cursor"] });
    assert_eq!(client.code(feed, after).await?, "CURSOR_EXPIRED");
    // The newest is undone by its cursor, an old one is in conflict with it.
    let undone = revert::change(&client, &page["nodes"][3]["cursor"]).await?;
    assert_eq!(undone[0]["after"]["name"], "c");
    let undone = revert::change(&client, &page["nodes"][2]["cursor"]).await?;
    assert_eq!(undone[0]["after"]["name"], "b");
    Ok(())
}

async fn what_retention_has_removed(server: &TestServer) -> Outcome {
    let client = server.client();
    let start = head(&client).await?;
    let quiet = label(&client, &["quiet"]).await?;
    let busy = label(&client, &["a", "b", "c", "d"]).await?;
    let old = changes(&client).await?;
    // On PostgreSQL whole batches go: from the tick before on.
    let cut: DateTime<Utc> = given::text(&old[3]["recordedAt"])?.parse()?;
    let removed = prune(server.db().writer(), cut).await?;
    assert!((2..=3).contains(&removed), "{removed}");
    let left = history(&client, LABELS, json!({ "key": busy })).await?;
    let left = given::list(left["nodes"].clone())?;
    assert_eq!(left.len() + usize::try_from(removed)?, old.len());
    let nothing = history(&client, LABELS, json!({ "key": quiet })).await?;
    assert_eq!(nothing["nodes"], json!([]));
    let now = head(&client).await?;
    let row = as_of(&client, LABELS, json!({ "key": quiet, "cursor": now })).await?;
    assert_eq!(row["name"], "quiet");
    // Just before the oldest kept change: what it found.
    let before = old.len() - left.len() - 1;
    let edge = json!({ "key": busy, "cursor": old[before]["cursor"] });
    assert_eq!(
        as_of(&client, LABELS, edge).await?["name"],
        left[0]["before"]["name"]
    );
    for cursor in [&json!(start), &old[0]["cursor"]] {
        for key in [&busy, &quiet] {
            let page = json!({ "key": key, "after": cursor });
            assert_eq!(
                client.code(&history_query(LABELS), page).await?,
                "CURSOR_EXPIRED"
            );
            let moment = json!({ "key": key, "cursor": cursor });
            assert_eq!(
                client.code(&as_of_query(LABELS), moment).await?,
                "CURSOR_EXPIRED"
            );
        }
    }
    let moment = json!({ "key": busy, "time": old[0]["recordedAt"] });
    assert_eq!(
        client.code(&as_of_query(LABELS), moment).await?,
        "CURSOR_EXPIRED"
    );
    for change in &left {
        let moment = json!({ "key": busy, "time": change["recordedAt"] });
        let row = as_of(&client, LABELS, moment).await?;
        assert_eq!(row["name"], change["after"]["name"]);
    }
    let gone = json!({ "cursor": old[0]["cursor"] });
    assert_eq!(client.code(revert::CHANGE, gone).await?, "CURSOR_EXPIRED");
    Ok(())
}

/// MariaDB: a commit whose changes nobody has moved into the log, because another process holds the
/// sequencer's lock.
async fn before_they_have_a_place(server: &TestServer) -> Outcome {
    let client = server.client();
    let key = label(&client, &["a", "b"]).await?;
    let known = changes(&client).await?;
    let lock = hold_the_sequencer(server).await?;
    rename(&client, &number(&key)?, "c").await?;
    let row = as_of(
        &client,
        LABELS,
        json!({ "key": key, "time": "2200-01-01T00:00:00Z" }),
    )
    .await?;
    assert_eq!(row["name"], "c");
    let row = as_of(
        &client,
        LABELS,
        json!({ "key": key, "cursor": known[1]["cursor"] }),
    )
    .await?;
    assert_eq!(row["name"], "b");
    let code = client
        .code(revert::CHANGE, json!({ "cursor": known[1]["cursor"] }))
        .await?;
    assert_eq!(code, "CONFLICT");
    lock.close().await?;
    let page = history(&client, LABELS, json!({ "key": key })).await?;
    assert_eq!(
        page["nodes"].as_array().map(Vec::len),
        Some(3),
        "nothing was written"
    );
    let later = revert::later(&client, &known[1]["cursor"]).await?;
    assert_eq!(later, json!([page["nodes"][2]["cursor"]]));
    Ok(())
}

/// Written first, committed last: its place is after what others have read meanwhile.
///
/// SQLite writes one transaction at a time.
async fn transactions_that_overlap(server: &TestServer) -> Outcome {
    let client = server.client();
    let slow = label(&client, &["slow"]).await?;
    let quick = label(&client, &["quick"]).await?;
    let id = number(&slow)?.as_i64().unwrap_or_default();
    let tx = server.db().begin().await?;
    let row = label::ActiveModel {
        id: Set(id),
        name: Set("slower".to_owned()),
    };
    row.update(&tx).await?;
    rename(&client, &number(&quick)?, "quicker").await?;
    let between = head(&client).await?;
    tx.commit().await?;
    let all = changes(&client).await?;
    let names: Vec<&Json> = all.iter().map(|change| &change["after"]["name"]).collect();
    assert_eq!(names, ["slow", "quick", "quicker", "slower"]);
    let page = history(&client, LABELS, json!({ "key": slow, "after": between })).await?;
    assert_eq!(page["nodes"], json!([all[3]]));
    let page = history(&client, LABELS, json!({ "key": slow })).await?;
    assert_eq!(page["nodes"], json!([all[0], all[3]]));
    for (cursor, slow_is, quick_is) in [
        (&all[0]["cursor"], "slow", Json::Null),
        (&all[1]["cursor"], "slow", json!("quick")),
        (&all[2]["cursor"], "slow", json!("quicker")),
        (&json!(between), "slow", json!("quicker")),
        (&all[3]["cursor"], "slower", json!("quicker")),
    ] {
        let row = as_of(&client, LABELS, json!({ "key": slow, "cursor": cursor })).await?;
        assert_eq!(row["name"], slow_is, "{cursor}");
        let row = as_of(&client, LABELS, json!({ "key": quick, "cursor": cursor })).await?;
        assert_eq!(row["name"], quick_is, "{cursor}");
    }
    Ok(())
}

async fn hold_the_sequencer(server: &TestServer) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(&server.settings.database_url);
    options.max_connections(1).sqlx_logging(false);
    let db = SeaDatabase::connect(options).await?;
    db.execute_unprepared("DO GET_LOCK(CONCAT('seachange.', MD5(DATABASE())), 5)")
        .await?;
    Ok(db)
}
