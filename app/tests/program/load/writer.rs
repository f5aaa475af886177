//! A client that writes one mutation after the other, and repeats one whose answer it never got.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use seachange_testkit::{Client, Random};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

/// It fails rather than waits longer for a server that comes back.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between attempts at a server that did not say that it has moved.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Rows of the largest mutation.
pub const MOST_ROWS: usize = 100;

const CREATE: &str = "mutation ($data: [ProjectInsertInput!]!) {
    projectCreateBatch(data: $data) { id } }";
const UPDATE: &str = "mutation ($name: String!, $ids: [String!]) {
    projectUpdate(data: { name: $name }, filter: { id: { is_in: $ids } }) { id } }";
const DELETE: &str =
    "mutation ($ids: [String!]) { projectDelete(filter: { id: { is_in: $ids } }) }";

/// An acknowledged mutation: what it did to which rows, in key order.
#[derive(Debug)]
pub struct Written {
    pub operation: &'static str,
    pub keys: Vec<String>,
}

/// What happened to mutations, of all writers.
pub struct Count {
    pub acknowledged: watch::Sender<usize>,
    /// Rows of the mutations acknowledged.
    pub rows: watch::Sender<usize>,
    /// Not done, or without an answer; such a one is repeated.
    pub refused: watch::Sender<usize>,
}

/// Writes until told to stop; counts each answer.
pub async fn write(
    seed: u64,
    mut addresses: watch::Receiver<String>,
    count: Count,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Vec<Written>> {
    let mut random = Random::seeded(seed);
    let mut written = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    while !*stop.borrow() {
        let (query, variables, mutation) = plan(&mut random, &mut rows);
        repeat_until_answered(&mut addresses, &count.refused, query, variables)
            .await
            .with_context(|| format!("seed {seed}, {mutation:?}"))?;
        count.rows.send_modify(|rows| *rows += mutation.keys.len());
        written.push(mutation);
        count.acknowledged.send_modify(|count| *count += 1);
    }
    Ok(written)
}

fn plan(random: &mut Random, rows: &mut Vec<String>) -> (&'static str, Json, Written) {
    let kind = if rows.is_empty() { 0 } else { random.below(6) };
    match kind {
        4 => {
            let name = random.uuid().to_string();
            let mut keys: Vec<String> = (0..3).map(|_| random.pick(rows).clone()).collect();
            keys.sort_unstable();
            keys.dedup();
            let variables = json!({ "name": name, "ids": keys });
            (
                UPDATE,
                variables,
                Written {
                    operation: "UPDATE",
                    keys,
                },
            )
        }
        5 => {
            let keys = vec![rows.swap_remove(random.below(rows.len()))];
            (
                DELETE,
                json!({ "ids": keys }),
                Written {
                    operation: "DELETE",
                    keys,
                },
            )
        }
        kind => {
            // Long transactions too, so that some are cut in the middle.
            let count = if kind == 3 { MOST_ROWS } else { 1 };
            let mut keys: Vec<String> = (0..count).map(|_| random.uuid().to_string()).collect();
            keys.sort_unstable();
            rows.extend_from_slice(&keys);
            let data: Vec<Json> = keys
                .iter()
                .map(|key| json!({ "id": key, "name": "Sail" }))
                .collect();
            (
                CREATE,
                json!({ "data": data }),
                Written {
                    operation: "INSERT",
                    keys,
                },
            )
        }
    }
}

/// Sends a mutation until it is answered. Its keys are the client's own, so a repetition of one
/// that was committed does nothing: a conflict, or no row left to change.
async fn repeat_until_answered(
    addresses: &mut watch::Receiver<String>,
    refused: &watch::Sender<usize>,
    query: &str,
    variables: Json,
) -> anyhow::Result<()> {
    let mut is_repetition = false;
    let begin = Instant::now();
    loop {
        let url = addresses.borrow_and_update().clone();
        let answer = Client::new(url).send(query, variables.clone()).await;
        let code = match &answer {
            Ok(answer) if answer.data().is_ok() => return Ok(()),
            Ok(answer) => answer.code()?,
            Err(error) if error.is::<reqwest::Error>() => "lost",
            Err(error) => bail!("{error:#}"),
        };
        match code {
            "CONFLICT" if is_repetition => return Ok(()),
            "UNAVAILABLE" | "lost" => refused.send_modify(|count| *count += 1),
            code => bail!("{code}: {answer:?}"),
        }
        anyhow::ensure!(begin.elapsed() < PATIENCE, "no server does it: {answer:?}");
        if let Ok(moved) = tokio::time::timeout(TRY_AGAIN, addresses.changed()).await {
            moved?;
        }
        is_repetition = true;
    }
}
