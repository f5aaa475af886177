//! `prune` and `epoch new`: what they remove, and what readers and `verify` get afterwards.

use anyhow::Context;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use seachange::DatabaseSettings;
use seachange_entity::project;
use seachange_testkit::{Client, Outcome, OwnDatabase, eventually};
use serde_json::json;

use crate::harness::{run, serve, verify};

seachange_testkit::cases! {
    Every: pruned, a_new_epoch;
    Sqlite: wrong_ages;
}

async fn create(client: &Client, name: &str) -> Outcome {
    let create = "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
    client.data(create, json!({ "name": name })).await?;
    Ok(())
}

/// The cursors of the log once it has this many changes.
async fn cursors(client: &Client, count: usize) -> anyhow::Result<Vec<String>> {
    eventually(async || {
        let data = client
            .data("{ changes { nodes { cursor } } }", json!({}))
            .await?;
        let nodes = data["changes"]["nodes"].as_array().context("no nodes")?;
        let cursors = nodes.iter().filter_map(|node| node["cursor"].as_str());
        let cursors: Vec<String> = cursors.map(str::to_owned).collect();
        Ok((cursors.len() >= count).then_some(cursors))
    })
    .await
}

/// `tail` after this cursor must say why it cannot.
async fn cannot_tail(database: &OwnDatabase, cursor: &str, told: &str) -> Outcome {
    let ended = run(&database.url, &["tail", "--after", cursor]).await?;
    anyhow::ensure!(ended.code() == Some(1), "{ended:?}");
    anyhow::ensure!(ended.stderr.contains(told), "no `{told}`: {ended:?}");
    Ok(())
}

async fn pruned(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    for name in ["Sail", "Row"] {
        create(&server.client(), name).await?;
    }
    let old = cursors(&server.client(), 2).await?;
    server.stop().await?;
    let young = run(&database.url, &["prune", "--older-than", "1d"]).await?;
    assert_eq!(young.stdout, "0 changes removed\n", "{young:?}");
    verify(database).await?;

    let all = run(&database.url, &["prune", "--older-than", "0s"]).await?;
    assert_eq!(all.code(), Some(0), "{all:?}");
    assert_eq!(all.stdout, "2 changes removed\n");
    // Their rows are still there, and a change after them is one like any other.
    let server = serve(&database.url).await?;
    create(&server.client(), "Drift").await?;
    cursors(&server.client(), 1).await?;
    server.stop().await?;
    let verified = run(&database.url, &["verify"]).await?;
    let sound = "sound: 1 changes replayed, 3 rows compared, 2 without baseline, 0 faults\n";
    assert_eq!(verified.stdout, sound);
    cannot_tail(database, &old[0], "no longer").await
}

async fn a_new_epoch(database: &OwnDatabase) -> Outcome {
    let server = serve(&database.url).await?;
    create(&server.client(), "Sail").await?;
    let old = cursors(&server.client(), 1).await?;
    server.stop().await?;
    // Committed while no server runs: where the log is sequenced, it waits for that.
    let settings = DatabaseSettings {
        connections: 1,
        ..DatabaseSettings::new(&database.url)
    };
    let tx = seachange::connect(&settings).await?.begin().await?;
    let row = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set("Row".to_owned()),
        ..Default::default()
    };
    row.insert(&tx).await?;
    tx.commit().await?;
    let epoch = run(&database.url, &["epoch", "new"]).await?;
    assert_eq!(epoch.code(), Some(0), "{epoch:?}");
    let name = epoch.stdout.strip_prefix("epoch ").map(str::trim_end);
    assert_eq!(name.map(str::len), Some(16), "{epoch:?}");
    cannot_tail(database, &old[0], "another log").await?;
    let server = serve(&database.url).await?;
    let feed = cursors(&server.client(), 0).await?;
    assert_eq!(feed.len(), 0, "what was before is history");
    server.stop().await?;
    // Nothing of the history is lost to whoever checks the tables.
    verify(database).await
}

async fn wrong_ages(database: &OwnDatabase) -> Outcome {
    for arguments in [
        &["prune"][..],
        &["prune", "--older-than", "soon"],
        &["prune", "--older-than", "3y"],
        &["prune", "--older-than", "-1d"],
        &["epoch"],
        &["epoch", "old"],
    ] {
        let ended = run(&database.url, arguments).await?;
        assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
    }
    Ok(())
}
