//! What an idle subscribed connection costs a server: its resident memory with so many connections less
//! that without any, by their number. Each has had a few changes, so its buffers are as they stay.
//!
//! The server is a process of its own with the allocator that it is run with; the operating system's
//! share of a connection is not in the figure. What the allocator keeps of memory that was let go of while
//! connections were opened differs from run to run by some megabytes, 2 KB and more of a thousandth part:
//! hence the median of several servers.

use std::time::Duration;

use super::crowd::Crowd;
use super::ground::Ground;
use super::peer::{Kind, Peer};
use super::process::Process;
use super::table::{Line, Target};

/// Connections, ascending.
const COUNTS: [usize; 2] = [1_000, 5_000];
/// Connections before the first look: what the first ones bring about, more of them at once than are
/// opened at once, stays without them.
const FIRST: usize = 100;
/// Servers measured, of each kind.
const SERVERS: usize = 5;
/// Until memory is looked at.
const SETTLED: Duration = Duration::from_secs(2);
const KB: f64 = 12.0;
const QUERY: &str = "subscription { changes { cursor entity operation after } }";

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    if !ground.has_sqlite() {
        return Ok(());
    }
    let own = medians(&Kind::Own).await?;
    let stock = medians(&Kind::Stock).await?;
    for ((count, own), stock) in COUNTS.into_iter().zip(own).zip(stock) {
        let name = format!("sqlite, {count} connections: memory of each");
        ground.tell(&Line::new(name, own, " KB").target(Target::AtMost(KB)));
        let name = format!("sqlite, {count} connections: the same");
        let line = Line::new(name, own, " KB");
        ground.tell(&line.beside("async-graphql's transport", stock));
    }
    Ok(())
}

/// Kilobytes of a connection, for each number of them: the median of the servers.
async fn medians(kind: &Kind) -> anyhow::Result<[f64; COUNTS.len()]> {
    let mut runs = [const { Vec::new() }; COUNTS.len()];
    for _ in 0..SERVERS {
        for (run, cost) in runs.iter_mut().zip(measure(kind).await?) {
            run.push(cost);
        }
    }
    Ok(runs.map(|mut run| {
        run.sort_by(f64::total_cmp);
        run[SERVERS / 2]
    }))
}

/// Kilobytes of a connection, for each number of them.
async fn measure(kind: &Kind) -> anyhow::Result<Vec<f64>> {
    let mut peer = Peer::start_always(kind)?;
    let mut crowd = Crowd::gather(&mut peer, FIRST, QUERY).await?;
    let before = settled(peer.process()).await?;
    let mut costs = Vec::new();
    for count in COUNTS {
        crowd.grow(&mut peer, count, QUERY).await?;
        let grown = settled(peer.process()).await?.saturating_sub(before);
        costs.push(grown as f64 / (count - FIRST) as f64);
    }
    Ok(costs)
}

async fn settled(process: Process) -> anyhow::Result<u64> {
    tokio::time::sleep(SETTLED).await;
    process.resident()
}
