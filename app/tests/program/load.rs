//! Clients at work on a server while a test does it harm: some write, one reads everything.
//!
//! At the end they hold what must be true whatever happened: each acknowledged mutation was
//! delivered, each change once and in the log's order, each transaction in one piece.

mod reader;
mod writer;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use reader::Seen;
use seachange_testkit::{Client, Outcome, eventually};
use writer::{Count, Written};

/// The test fails rather than waits longer for readers and writers to get on.
const PATIENCE: Duration = Duration::from_secs(60);
/// Clients that write to one server at the same time.
const WRITERS: usize = 4;

/// Clients of one server.
pub struct Load {
    address: watch::Sender<String>,
    /// Mutations answered.
    pub acknowledged: watch::Sender<usize>,
    /// Rows that they wrote.
    rows: watch::Sender<usize>,
    /// Mutations that the server could not do, or gave no answer to.
    pub refused: watch::Sender<usize>,
    /// Changes read.
    pub received: watch::Sender<usize>,
    stop: watch::Sender<bool>,
    last: watch::Sender<Option<String>>,
    writing: JoinSet<anyhow::Result<Vec<Written>>>,
    reading: JoinHandle<anyhow::Result<Seen>>,
}

impl Load {
    /// Begins; no two loads on one database may have the same seed.
    pub fn start(url: &str, seed: u64) -> Self {
        let address = watch::Sender::new(url.to_owned());
        let (acknowledged, refused) = (watch::Sender::new(0), watch::Sender::new(0));
        let (rows, received) = (watch::Sender::new(0), watch::Sender::new(0));
        let stop = watch::Sender::new(false);
        let last = watch::Sender::new(None);
        let following = reader::follow(address.subscribe(), received.clone(), last.subscribe());
        let reading = tokio::spawn(following);
        let mut writing = JoinSet::new();
        for name in 0..WRITERS {
            let count = Count {
                acknowledged: acknowledged.clone(),
                rows: rows.clone(),
                refused: refused.clone(),
            };
            let seed = seed.wrapping_mul(0x1_0000).wrapping_add(name as u64);
            let writer = writer::write(seed, address.subscribe(), count, stop.subscribe());
            writing.spawn(async move {
                let written = writer.await;
                if let Err(error) = &written {
                    // The test notices it when nothing goes on any more.
                    eprintln!("a writer has ended: {error:#}");
                }
                written
            });
        }
        Self {
            address,
            acknowledged,
            rows,
            refused,
            received,
            stop,
            last,
            writing,
            reading,
        }
    }

    /// The server is somewhere else now.
    pub fn moved(&self, url: &str) {
        self.address.send_replace(url.to_owned());
    }

    async fn written(&mut self) -> anyhow::Result<Vec<Vec<Written>>> {
        self.stop.send_replace(true);
        let mut written = Vec::new();
        while let Some(writer) = self.writing.join_next().await {
            written.push(writer??);
        }
        Ok(written)
    }
}

/// Waits until the count is higher by this much.
pub async fn progress(counted: &watch::Sender<usize>, more: usize) -> Outcome {
    let mut count = counted.subscribe();
    let goal = *count.borrow() + more;
    let reached = count.wait_for(|count| *count >= goal);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .context("no progress")??;
    Ok(())
}

/// Waits until the reader of a load has something that any of these loads began to write only now.
pub async fn goes_on(loads: &[Load], reader: &Load) -> Outcome {
    let written: usize = loads.iter().map(|load| *load.rows.borrow()).sum();
    let under_way = loads.len() * WRITERS * writer::MOST_ROWS;
    let goal = written + under_way + 1;
    let mut received = reader.received.subscribe();
    let reached = received.wait_for(|count| *count >= goal);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .context("nothing new comes")??;
    Ok(())
}

/// Lets everybody come to an end and checks what they hold against each other and against the log,
/// which nobody else may have written. Tells what the reader of each load has seen.
pub async fn finish(mut loads: Vec<Load>, client: &Client) -> anyhow::Result<Vec<Seen>> {
    let mut written = Vec::new();
    for load in &mut loads {
        written.extend(load.written().await?);
    }
    let mutations = written.iter().flatten();
    let rows: usize = mutations.map(|mutation| mutation.keys.len()).sum();
    let log = eventually(async || {
        let log = cursors(client).await?;
        Ok((log.len() >= rows).then_some(log))
    })
    .await?;
    let mut all = Vec::new();
    for load in loads {
        load.last.send_replace(log.last().cloned());
        let seen = load.reading.await??;
        check(&seen, &log, &written)?;
        all.push(seen);
    }
    Ok(all)
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
    anyhow::ensure!(
        read == *log,
        "{} read, {} in the log: {:?}",
        read.len(),
        log.len(),
        read.iter().zip(log).find(|(read, logged)| read != logged)
    );
    for written in written {
        check_writer(seen, written)?;
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

/// A writer's mutations once, in the order in which they were acknowledged.
fn check_writer(seen: &Seen, written: &[Written]) -> Outcome {
    let rows = written.iter().flat_map(|mutation| {
        let operation = mutation.operation;
        mutation
            .keys
            .iter()
            .map(move |key| (operation, key.as_str()))
    });
    let expected: Vec<(&str, &str)> = rows.collect();
    let keys: HashSet<&str> = expected.iter().map(|(_, key)| *key).collect();
    let of_this = seen
        .changes
        .iter()
        .filter(|change| keys.contains(change.key.as_str()));
    let read: Vec<(&str, &str)> = of_this
        .map(|change| (change.operation.as_str(), change.key.as_str()))
        .collect();
    anyhow::ensure!(
        read == expected,
        "{} read, {} acknowledged: {:?}",
        read.len(),
        expected.len(),
        read.iter()
            .zip(&expected)
            .find(|(read, written)| read != written)
    );
    Ok(())
}
