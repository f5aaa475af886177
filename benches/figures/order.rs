//! Order and loss: the torture with 12 and 24 writers and two servers, without and with a
//! transaction that stays open.

use std::time::Duration;

use anyhow::ensure;
use seachange::internal::{Report, Torture};
use seachange_testkit::{Database, OwnDatabase};

use super::ground::{Ground, drop_both, settings, with_log};
use super::table::{Line, Target};
use super::turns::{ms, share};

/// Of each kind, by turns.
const RUNS: u64 = 3;
/// How long each writes.
const TIME: Duration = Duration::from_secs(2);
/// What an open transaction may do to the others' p99.
const SLOWER: f64 = 2.0;

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        for writers in [12, 24] {
            bench(ground, kind, writers).await?;
        }
    }
    Ok(())
}

/// Runs without and with the open transaction.
struct Runs {
    without: Vec<Report>,
    with: Vec<Report>,
}

async fn bench(ground: &Ground, kind: &Database, writers: usize) -> anyhow::Result<()> {
    let (own, db) = with_log(kind, 1).await?;
    let runs = torture(ground, &own, writers).await?;
    drop_both(own, db).await?;
    let case = format!("{}, {writers} writers", kind.name());
    let all: Vec<&Report> = runs.without.iter().chain(&runs.with).collect();
    let writes: usize = all.iter().map(|report| report.writes).sum();
    let faults: usize = all
        .iter()
        .flat_map(|report| &report.readers)
        .map(|tally| tally.lost + tally.doubled + tally.phantoms + tally.out_of_order + tally.torn)
        .sum();
    ground.tell(&Line::new(
        format!("{case}: committed writes"),
        writes as f64,
        "",
    ));
    let name = format!("{case}: lost, doubled, out of order, torn");
    ground.tell(&Line::new(name, faults as f64, "").target(Target::AtMost(0.0)));
    ensure!(faults == 0, "not sound: {all:?}");
    for (server, which) in ["committing server", "other server"]
        .into_iter()
        .enumerate()
    {
        for percent in [50, 99] {
            let [with, without] =
                [&runs.with, &runs.without].map(|reports| ms(waits(reports, server, percent)));
            let name = format!("{case}: {which}, p{percent}, one open");
            let line = Line::new(name, with, " ms").beside("none open", without);
            ground.tell(&line.target((percent == 99).then_some(Target::AtMost(SLOWER))));
        }
    }
    Ok(())
}

async fn torture(ground: &Ground, own: &OwnDatabase, writers: usize) -> anyhow::Result<Runs> {
    let mut runs = Runs {
        without: Vec::new(),
        with: Vec::new(),
    };
    for seed in 1..=RUNS {
        for open_transaction in [false, true] {
            let torture = Torture {
                writers,
                time: TIME * ground.length,
                open_transaction,
                seed,
                ..Torture::default()
            };
            let report = torture.run(&settings(own, 1)).await?;
            if open_transaction {
                runs.with.push(report);
            } else {
                runs.without.push(report);
            }
        }
    }
    Ok(runs)
}

/// The median of what the runs say of a live reader.
fn waits(reports: &[Report], server: usize, percent: u32) -> Duration {
    let tallies = reports
        .iter()
        .filter_map(|report| report.readers.get(server));
    let waits = tallies.map(|tally| if percent == 50 { tally.p50 } else { tally.p99 });
    share(waits.collect(), 50)
}
