//! Killed at any moment: what was acknowledged is there, and a reader that continues from its last
//! cursor gets exactly the rest.

use anyhow::Context;
use seachange_testkit::{Outcome, OwnDatabase, Random, measured};

use crate::harness::{serve, verify};
use crate::load::{self, Load, progress};

seachange_testkit::cases! {
    Every: a_reader_resumes_after_each_kill;
}

/// Kills, unless `SEACHANGE_TEST_KILLS` says how many.
const KILLS: usize = 8;
const SEED: u64 = 0x5ea_c4a6e;

fn kills() -> anyhow::Result<usize> {
    match std::env::var("SEACHANGE_TEST_KILLS") {
        Ok(number) => number.parse().context("SEACHANGE_TEST_KILLS"),
        Err(_) => Ok(KILLS),
    }
}

async fn a_reader_resumes_after_each_kill(database: &OwnDatabase) -> Outcome {
    let mut server = serve(&database.url).await?;
    let load = Load::start(&server.url, SEED);
    let mut random = Random::seeded(SEED);
    let kills = kills()?;
    for kill in 0..kills {
        // By turns in the middle of writing, and of handing out what was written.
        match kill % 2 {
            0 => progress(&load.acknowledged, 5 + random.below(60)).await?,
            _ => progress(&load.received, 50 + random.below(600)).await?,
        }
        server.process.kill()?;
        server = serve(&database.url).await?;
        load.moved(&server.url);
    }
    progress(&load.acknowledged, 30).await?;
    let acknowledged = load.acknowledged.clone();
    for seen in load::finish(vec![load], &server.client()).await? {
        measured(format_args!(
            "{}: {kills} kills, {} mutations acknowledged, {} changes read over {} connections",
            database.kind.name(),
            *acknowledged.borrow(),
            seen.changes.len(),
            seen.connections,
        ));
    }
    server.stop().await?;
    verify(database).await
}
