//! Killed at any moment: what was acknowledged is there, and a reader that continues from its last
//! cursor gets exactly the rest.

mod reader;
mod writer;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::{Client, Outcome, OwnDatabase, Random, Server, eventually, verify};
use reader::Seen;
use writer::Written;

crate::cases! {
    Every: a_reader_resumes_after_each_kill;
}

const KILLS: usize = 8;
const SEED: u64 = 0x5ea_c4a6e;
/// The test fails rather than waits longer for readers and writers to get on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clients that write at the same time.
const WRITERS: u64 = 4;

async fn a_reader_resumes_after_each_kill(database: &OwnDatabase) -> Outcome {
    let mut server = Server::start(&database.url).await?;
    let address = watch::Sender::new(server.url.clone());
    let acknowledged = watch::Sender::new(0_usize);
    let stop = watch::Sender::new(false);
    let last = watch::Sender::new(None);
    let received = watch::Sender::new(0_usize);
    let following = reader::follow(address.subscribe(), received.clone(), last.subscribe());
    let reader = tokio::spawn(following);
    let mut writing = JoinSet::new();
    for name in 0..WRITERS {
        let addresses = address.subscribe();
        let (acknowledged, stop) = (acknowledged.clone(), stop.subscribe());
        writing.spawn(writer::write(SEED + name, addresses, acknowledged, stop));
    }

    let mut random = Random::seeded(SEED);
    for kill in 0..KILLS {
        // By turns in the middle of writing, and of handing out what was written.
        match kill % 2 {
            0 => progress(&acknowledged, 5 + random.below(60)).await?,
            _ => progress(&received, 50 + random.below(600)).await?,
        }
        server.process.kill()?;
        server = Server::start(&database.url).await?;
        address.send_replace(server.url.clone());
    }
    progress(&acknowledged, 30).await?;
    stop.send_replace(true);

    let mut written = Vec::new();
    while let Some(writer) = writing.join_next().await {
        written.push(writer??);
    }
    let rows: usize = written
        .iter()
        .flatten()
        .map(|mutation| mutation.keys.len())
        .sum();
    let client = server.client();
    let log = eventually(async || {
        let log = cursors(&client).await?;
        Ok((log.len() >= rows).then_some(log))
    })
    .await?;
    last.send_replace(log.last().cloned());
    let seen = reader.await??;
    println!(
        "{}: {KILLS} kills, {} mutations acknowledged, {} changes read over {} connections",
        database.kind.name(),
        *acknowledged.borrow(),
        seen.changes.len(),
        seen.connections,
    );
    check(&seen, &log, &written)?;
    server.stop().await?;
    verify(database).await
}

/// Waits until the count is higher by this much.
async fn progress(counted: &watch::Sender<usize>, more: usize) -> Outcome {
    let mut count = counted.subscribe();
    let goal = *count.borrow() + more;
    let reached = count.wait_for(|count| *count >= goal);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .context("no progress")??;
    Ok(())
}

/// The cursors of the whole log, in order.
async fn cursors(client: &Client) -> anyhow::Result<Vec<String>> {
    let page = "query ($after: String!) { changes(after: $after, first: 1000) {
        nodes { cursor } endCursor hasNextPage } }";
    let mut after = "0".to_owned();
    let mut cursors = Vec::new();
    loop {
        let data = client.data(page, json!({ "after": after })).await?;
        let page = &data["changes"];
        for node in page["nodes"].as_array().context("no nodes")? {
            cursors.push(node["cursor"].as_str().context("no cursor")?.to_owned());
        }
        if page["hasNextPage"] != true {
            return Ok(cursors);
        }
        after = page["endCursor"].as_str().context("no end")?.to_owned();
    }
}

fn check(seen: &Seen, log: &[String], written: &[Vec<Written>]) -> Outcome {
    let read: Vec<&str> = seen
        .changes
        .iter()
        .map(|change| change.cursor.as_str())
        .collect();
    anyhow::ensure!(read == *log, "read {read:?}, in the log {log:?}");

    // Each writer's mutations once, in the order in which they were acknowledged.
    for written in written {
        let of_this = |change: &&reader::Change| {
            written
                .iter()
                .any(|mutation| mutation.keys.contains(&change.key))
        };
        let read: Vec<(&str, &str)> = seen
            .changes
            .iter()
            .filter(of_this)
            .map(|change| (change.operation.as_str(), change.key.as_str()))
            .collect();
        let expected: Vec<(&str, &str)> = written
            .iter()
            .flat_map(|mutation| {
                mutation
                    .keys
                    .iter()
                    .map(|key| (mutation.operation, key.as_str()))
            })
            .collect();
        anyhow::ensure!(read == expected, "read {read:?}, acknowledged {expected:?}");
    }

    // A transaction whole and in one piece: as many runs of one id as there are ids.
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &seen.changes {
        *sizes.entry(&change.transaction_id).or_default() += 1;
    }
    let runs = seen
        .changes
        .chunk_by(|a, b| a.transaction_id == b.transaction_id);
    anyhow::ensure!(
        runs.count() == sizes.len(),
        "a transaction is torn: {:?}",
        seen.changes
    );
    let mut sizes: Vec<usize> = sizes.into_values().collect();
    let mut expected: Vec<usize> = written.iter().flatten().map(|m| m.keys.len()).collect();
    sizes.sort_unstable();
    expected.sort_unstable();
    anyhow::ensure!(
        sizes == expected,
        "transactions of {sizes:?} rows, not {expected:?}"
    );
    Ok(())
}
