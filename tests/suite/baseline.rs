//! Rows from before tracking: recorded as they are, once, as the first change of each.

mod found;
mod rivals;
mod stopped;

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use seachange::changelog::{Operation, Source, log, prune};
use seachange_testkit::{Case, TestServer};

/// All of them.
pub fn cases() -> Vec<Case> {
    let parts = [found::cases(), rivals::cases(), stopped::cases()];
    parts.into_iter().flatten().collect()
}

/// Makes the log forget everything: what is in the tables is then older than it.
pub async fn forget(server: &TestServer) -> anyhow::Result<()> {
    // What waits for its place gets it first.
    server.logged().await?;
    prune(server.db().writer(), Utc::now() + TimeDelta::hours(1)).await?;
    anyhow::ensure!(server.logged().await?.is_empty(), "not forgotten");
    Ok(())
}

/// Notes 1 to `count`, written by another program before anything tracks them.
async fn old_notes(server: &TestServer, count: i64) -> anyhow::Result<()> {
    let rows = (1..=count).map(|id| format!("({id}, 'n{id}', 'old')"));
    let rows: Vec<String> = rows.collect();
    let sql = format!(
        "INSERT INTO note (id, name, body) VALUES {}",
        rows.join(", ")
    );
    server.db().writer().execute_unprepared(&sql).await?;
    Ok(())
}

/// The last image of each row, by table and key.
fn images(changes: &[log::Model]) -> BTreeMap<String, String> {
    let mut images = BTreeMap::new();
    for change in changes {
        let name = format!("{} {}", change.entity, change.row_key);
        match &change.after {
            Some(after) => images.insert(name, after.to_string()),
            None => images.remove(&name),
        };
    }
    images
}

/// Each row's changes begin where the one before ended, and a baseline is the first. How many
/// baselines there are.
fn unbroken(changes: &[log::Model]) -> anyhow::Result<usize> {
    let mut rows: BTreeMap<String, &log::Model> = BTreeMap::new();
    let mut baselines = 0;
    for change in changes {
        let name = format!("{} {}", change.entity, change.row_key);
        let before = rows.insert(name.clone(), change);
        if change.source == Source::Baseline {
            baselines += 1;
            anyhow::ensure!(before.is_none(), "{name}: a baseline after {before:?}");
            anyhow::ensure!(change.operation == Operation::Insert, "{change:?}");
            anyhow::ensure!(change.actor.is_none() && change.before.is_none());
        }
        if let Some(before) = before {
            anyhow::ensure!(
                before.after == change.before,
                "{name}: {before:?}, then {change:?}"
            );
        }
    }
    Ok(baselines)
}
