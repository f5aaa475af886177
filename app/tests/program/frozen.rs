//! A server that stops and does not die, holding what it holds: the others go on without it.

use std::time::Duration;

use anyhow::Context;
use seachange_testkit::{Database, Outcome, OwnDatabase, Proxy, Random, Server, measured};

use crate::harness::{command, ready, serve, verify};
use crate::load::{self, Load, goes_on, progress};

seachange_testkit::cases! {
    Servers: a_process_stops, a_connection_stops_at_each_step;
}

const SEED: u64 = 0xf0_5e;
/// Stops, unless `SEACHANGE_TEST_FREEZES` says how many.
const FREEZES: usize = 2;
/// The longest time without a change for readers of the other server. The database ends a step that
/// stops after 2 s; whoever waited for it until then may have given up just before, and looks again
/// after at most half a second; three seconds are for a machine that builds something meanwhile. Who
/// is never replaced is found all the same: TCP gives up after minutes.
const LONGEST_GAP: Duration = Duration::from_millis(5_500);

fn freezes() -> anyhow::Result<usize> {
    match std::env::var("SEACHANGE_TEST_FREEZES") {
        Ok(number) => number.parse().context("SEACHANGE_TEST_FREEZES"),
        Err(_) => Ok(FREEZES),
    }
}

/// SIGSTOP at random moments, of a server that writes and reads as the other does.
async fn a_process_stops(database: &OwnDatabase) -> Outcome {
    let stopping = serve(&database.url).await?;
    let other = serve(&database.url).await?;
    let loads = vec![
        Load::start(&stopping.url, SEED),
        Load::start(&other.url, SEED + 1),
    ];
    let mut random = Random::seeded(SEED);
    for _ in 0..freezes()? {
        for load in &loads {
            progress(&load.received, 20 + random.below(200)).await?;
        }
        stopping.process.signal("STOP")?;
        let lasted = goes_on(&loads, &loads[1]).await;
        stopping.process.signal("CONT")?;
        lasted?;
    }
    for load in &loads {
        progress(&load.acknowledged, 20).await?;
    }
    let seen = load::finish(loads, &other.client()).await?;
    let gap = seen[1].gap;
    measured(format_args!(
        "{}: longest gap {gap:?}, of the one that stops {:?}",
        database.kind.name(),
        seen[0].gap
    ));
    anyhow::ensure!(gap <= LONGEST_GAP, "nothing for {gap:?}");
    stopping.stop().await?;
    other.stop().await?;
    verify(database).await
}

/// Where a step can stop holding its lock: after the database got this, and before it is answered.
/// On MariaDB also between two transactions of a pass, and in the first statement with the lock.
fn steps(kind: &Database) -> &'static [&'static str] {
    match kind {
        Database::Postgres(_) => &["LOCK TABLE change_epoch", "INSERT INTO change_tick"],
        _ => &[
            "SELECT transaction_id, MIN(id)",
            "DELETE i FROM",
            // With the byte that makes it a command: the isolation level's name contains the word.
            "\u{3}COMMIT",
            "RELEASE_LOCK",
        ],
    }
}

async fn a_connection_stops_at_each_step(database: &OwnDatabase) -> Outcome {
    for step in steps(&database.kind) {
        let own = OwnDatabase::create(&database.kind).await?;
        let stopped = stops_at(&own, step).await;
        own.drop().await?;
        stopped.with_context(|| format!("stopped after {step:?}"))?;
    }
    Ok(())
}

async fn stops_at(database: &OwnDatabase, step: &'static str) -> Outcome {
    let proxy = Proxy::start(&database.url).await?;
    let stopping = Server::start(command(&proxy.url, &["--listen", "127.0.0.1:0"])).await?;
    let other = serve(&database.url).await?;
    proxy.freeze_after(step);
    let load = Load::start(&other.url, SEED);
    proxy.frozen().await?;
    let lasted = goes_on(std::slice::from_ref(&load), &load).await;
    proxy.thaw();
    lasted?;
    ready(&stopping, 200).await?;
    let seen = load::finish(vec![load], &stopping.client()).await?;
    let gap = seen[0].gap;
    measured(format_args!(
        "{} stopped after {step:?}: longest gap {gap:?}",
        database.kind.name()
    ));
    anyhow::ensure!(gap <= LONGEST_GAP, "nothing for {gap:?}");
    stopping.stop().await?;
    other.stop().await?;
    verify(database).await
}
