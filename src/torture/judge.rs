//! Compares what was delivered with what was committed.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use seachange_changelog::log;
use serde_json::Value as Json;

use super::Truth;
use super::readers::Read;

/// The result of one reader.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The reader's name.
    pub reader: String,
    /// Changes delivered.
    pub delivered: usize,
    /// Committed, but not delivered.
    pub lost: usize,
    /// Delivered more than once.
    pub doubled: usize,
    /// Delivered, but never committed.
    pub phantoms: usize,
    /// Changes that do not begin where the row's previous change ended.
    pub out_of_order: usize,
    /// Transactions between whose changes there are others.
    pub torn: usize,
    /// The time from a commit's acknowledgement to delivery: the median.
    pub p50: Duration,
    /// The same as the 99th percentile.
    pub p99: Duration,
}

impl Tally {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.lost + self.doubled + self.phantoms + self.out_of_order + self.torn == 0
    }
}

/// The whole run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Transactions committed.
    pub transactions: u64,
    /// Transactions rolled back.
    pub rolled_back: u64,
    /// Writes committed.
    pub writes: usize,
    /// The result of each reader.
    pub readers: Vec<Tally>,
}

impl Report {
    /// Whether some writes were committed and no reader found a fault.
    pub fn is_sound(&self) -> bool {
        self.writes > 0 && self.readers.iter().all(Tally::is_sound)
    }
}

pub(super) fn judge(truth: &Truth, read: Vec<Read>) -> Report {
    Report {
        transactions: truth.transactions,
        rolled_back: truth.rolled_back,
        writes: truth.committed.len(),
        readers: read.into_iter().map(|read| tally(truth, read)).collect(),
    }
}

fn value(image: &Option<Json>) -> Option<i64> {
    image.as_ref()?.get("value")?.as_str()?.parse().ok()
}

fn tally(truth: &Truth, read: Read) -> Tally {
    let Read { reader, changes } = read;
    let rows: Vec<&log::Model> = changes.iter().map(|(change, _)| &change.row).collect();
    let mut seen: HashMap<i64, usize> = HashMap::new();
    let mut waits = Vec::new();
    for (change, at) in &changes {
        if let Some(number) = value(&change.row.after) {
            *seen.entry(number).or_default() += 1;
            let committed: Option<&Instant> = truth.committed.get(&number);
            waits.extend(committed.map(|committed| at.saturating_duration_since(*committed)));
        }
    }
    waits.sort_unstable();
    let known =
        |number: &i64| truth.committed.contains_key(number) || truth.uncertain.contains_key(number);
    Tally {
        reader,
        delivered: changes.len(),
        lost: truth
            .committed
            .keys()
            .filter(|number| !seen.contains_key(number))
            .count(),
        doubled: seen.values().filter(|times| **times > 1).count(),
        phantoms: seen.keys().filter(|number| !known(number)).count(),
        out_of_order: out_of_order(&rows),
        torn: torn(&rows),
        p50: share(&waits, 50),
        p99: share(&waits, 99),
    }
}

fn out_of_order(rows: &[&log::Model]) -> usize {
    let mut latest: HashMap<String, Option<i64>> = HashMap::new();
    let mut faults = 0;
    for row in rows {
        let before = value(&row.before);
        let known = latest.insert(row.row_key.to_string(), value(&row.after));
        faults += usize::from(known.is_some_and(|known| known != before));
    }
    faults
}

fn torn(rows: &[&log::Model]) -> usize {
    let mut ended: HashSet<&str> = HashSet::new();
    let mut torn: HashSet<&str> = HashSet::new();
    let mut current: Option<&str> = None;
    for row in rows {
        let transaction = row.transaction_id.as_str();
        if current != Some(transaction) {
            ended.extend(current);
            current = Some(transaction);
            if ended.contains(transaction) {
                torn.insert(transaction);
            }
        }
    }
    torn.len()
}

fn share(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len().saturating_mul(percent) / 100;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}
