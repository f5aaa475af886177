//! Bursts of changes to a thousand subscribers of one subscription, over real WebSockets: ours beside
//! a raw broadcast of the same bytes, the transport that async-graphql comes with, and graphql-ws on
//! Node.
//!
//! Each server is a process of its own, told by its input what to publish; the clients are this
//! process; all are on this machine. A burst's time is from the first delivery to anyone to the last,
//! because writing to SQLite is not what is measured: ours commits a burst in one transaction, so it has
//! been written whole before the first delivery. Reading it from the log and rendering it is in the
//! time. The others have their items ready-made and keep none. Clients read raw bytes, count, and
//! check that each change came once and in order.
//!
//! The slower servers get shorter bursts.

use std::time::Duration;

use anyhow::Context;
use tokio::sync::Mutex;

use super::crowd::Crowd;
use super::ground::Ground;
use super::peer::{Kind, Peer};
use super::table::{Line, Target};
use super::turns::{by_turns, rate, side_timed};

const SUBSCRIBERS: u32 = 1_000;
/// Rounds of each side.
const ROUNDS: u32 = 3;
/// Changes in a burst: ours and the raw broadcast.
const BURST: u32 = 1_000;
/// To the transport of async-graphql.
const STOCK_BURST: u32 = 200;
/// To Node.
const NODE_BURST: u32 = 50;
const QUERY: &str = "subscription { changes { cursor entity operation after } }";

/// A server, its subscribers, and what it has done for them.
struct Side {
    peer: Peer,
    crowd: Crowd,
    burst: u32,
    deliveries: u32,
    processor: Duration,
}

impl Side {
    async fn start(kind: &Kind, burst: u32) -> anyhow::Result<Option<Self>> {
        let Some(mut peer) = Peer::start(kind)? else {
            return Ok(None);
        };
        let crowd = Crowd::gather(&mut peer, SUBSCRIBERS as usize, QUERY).await?;
        Ok(Some(Self {
            peer,
            crowd,
            burst,
            deliveries: 0,
            processor: Duration::ZERO,
        }))
    }

    async fn burst(&mut self) -> anyhow::Result<Duration> {
        let before = self.peer.process().processor_time()?;
        let time = self.crowd.burst(&mut self.peer, self.burst).await?;
        self.processor += self.peer.process().processor_time()? - before;
        self.deliveries += self.burst * SUBSCRIBERS;
        Ok(time)
    }

    /// Deliveries in a second, if a burst took this long.
    fn rate(&self, time: Duration) -> f64 {
        rate(self.burst * SUBSCRIBERS, time)
    }

    /// Microseconds of processor time a delivery.
    fn cost(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / f64::from(self.deliveries)
    }
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    if !ground.has_sqlite() {
        return Ok(());
    }
    let own = Side::start(&Kind::Own, BURST).await?;
    let mut own = own.context("ours is not there")?;
    // Cursors grow: what is broadcast is as long as what ours sends from here on.
    own.crowd.burst(&mut own.peer, BURST).await?;
    let raw = Side::start(&Kind::Raw(own.crowd.last()?), BURST).await?;
    let sides = [
        Some(own),
        raw,
        Side::start(&Kind::Stock, STOCK_BURST).await?,
        Side::start(&Kind::Node, NODE_BURST).await?,
    ];
    let sides = sides.map(Mutex::new);
    let work = sides.each_ref().map(|side| {
        side_timed(move |_| async move {
            match &mut *side.lock().await {
                Some(side) => side.burst().await,
                None => Ok(Duration::ZERO),
            }
        })
    });
    let times = by_turns(ROUNDS * ground.length, work).await?;
    let [own, raw, stock, node] = sides.map(Mutex::into_inner);
    let own = own.context("ours is not there")?;
    let (rate, cost) = (own.rate(times[0]), own.cost());
    let peers = [
        ("raw broadcast", raw, times[1], Some(Target::AtLeast(0.5))),
        ("async-graphql's transport", stock, times[2], None),
        ("graphql-ws on Node", node, times[3], None),
    ];
    for (name, peer, time, target) in peers {
        let Some(peer) = peer else {
            continue;
        };
        let line = Line::new("sqlite, 1,000 subscribers: deliveries", rate, "/s");
        ground.tell(&line.beside(name, peer.rate(time)).target(target));
        let line = Line::new("sqlite: server's processor time a delivery", cost, " µs");
        ground.tell(&line.beside(name, peer.cost()));
    }
    Ok(())
}
