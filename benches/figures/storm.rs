//! A thousand clients that come back at once, each with another old cursor: how long until all have
//! caught up, beside a thousand times what one alone needs.
//!
//! Time is from before the first connects until the last has its last change. A client that is refused
//! or cut off tries again with the cursor of its last change, as clients do, and is counted; one that
//! does not get there fails the bench. So does a change that is missing, comes twice or out of order,
//! also the one that is made when all have caught up.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use seachange_testkit::Socket;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::ground::Ground;
use super::peer::{Kind, Peer};
use super::reader::{Reader, Refused};
use super::table::{Line, Target};
use super::turns::{ms, share};

const CLIENTS: u32 = 1_000;
/// Storms, and clients alone before each.
const ROUNDS: u32 = 3;
const ALONE: u32 = 5;
/// Changes in the log. The clients have seen between one and half of them.
const CHANGES: u32 = 2 * CLIENTS;
/// Before a client tries again.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for everyone.
const PATIENCE: Duration = Duration::from_secs(300);
const QUERY: &str = "subscription($after: String) { changes(after: $after) { cursor after } }";

/// What a client asks for who has seen everything up to a cursor.
fn request(after: &str) -> Json {
    json!({ "query": QUERY, "variables": { "after": after } })
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    if !ground.has_sqlite() {
        return Ok(());
    }
    let mut sea = Sea::fill().await?;
    let (mut together, mut alone, mut refused) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS * ground.length {
        for _ in 0..ALONE {
            // With what a client has to read on average.
            let middle = CLIENTS / 2;
            alone.push(sea.storm(middle..middle + 1).await?.time);
        }
        let storm = sea.storm(0..CLIENTS).await?;
        together.push(storm.time);
        refused += storm.refused;
    }
    let (together, alone) = (ms(share(together, 50)), ms(share(alone, 50)));
    let line = Line::new("sqlite, 1,000 clients come back: time", together, " ms");
    let line = line.beside("one alone × 1,000", alone * f64::from(CLIENTS));
    ground.tell(&line.target(Target::AtMost(1.0)));
    let name = "sqlite, 1,000 clients come back: refused at first";
    ground.tell(&Line::new(name, f64::from(refused), ""));
    Ok(())
}

/// A server with a log.
struct Sea {
    peer: Peer,
    /// Of the changes, by their numbers.
    cursors: Arc<[String]>,
    /// Of the last change.
    last: u32,
}

/// How it went.
struct Storm {
    time: Duration,
    refused: u32,
}

impl Sea {
    async fn fill() -> anyhow::Result<Self> {
        let mut peer = Peer::start_always(&Kind::Own)?;
        peer.publish(0..CHANGES)?;
        let mut socket = Socket::open(&format!("http://{}", peer.address)).await?;
        socket.start(request("0")).await?;
        let mut cursors = Vec::new();
        for _ in 0..CHANGES {
            let data = socket.next().await?;
            let cursor = data["changes"]["cursor"].as_str().unwrap_or_default();
            cursors.push(cursor.to_owned());
        }
        Ok(Self {
            peer,
            cursors: cursors.into(),
            last: CHANGES - 1,
        })
    }

    /// These clients come back: each has seen the changes up to its number.
    async fn storm(&mut self, clients: Range<u32>) -> anyhow::Result<Storm> {
        let count = clients.len();
        let begun = Instant::now();
        let mut coming: JoinSet<_> = clients
            .map(|seen| {
                let (address, cursors) = (self.peer.address, Arc::clone(&self.cursors));
                come_back(address, cursors, seen, self.last)
            })
            .collect();
        let (mut readers, mut refused) = (Vec::new(), 0);
        let all = async {
            while let Some(came) = coming.join_next().await {
                let (reader, times) = came??;
                readers.push(reader);
                refused += times;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, all).await??;
        let time = begun.elapsed();
        ensure!(readers.len() == count, "{} of {count}", readers.len());
        self.last += 1;
        self.peer.publish(self.last..self.last + 1)?;
        for reader in &mut readers {
            let heard = reader.hear(self.last);
            tokio::time::timeout(PATIENCE, heard).await??;
        }
        Ok(Storm { time, refused })
    }
}

/// Reads up to a change, however often it takes; tells how often it was refused.
async fn come_back(
    address: SocketAddr,
    cursors: Arc<[String]>,
    mut seen: u32,
    until: u32,
) -> anyhow::Result<(Reader, u32)> {
    let mut refused = 0;
    loop {
        let tried = async {
            let request = request(&cursors[seen as usize]);
            let mut reader = Reader::open(address, &request).await?;
            reader.continues(seen);
            let heard = reader.hear(until).await.map(|_| ());
            seen = reader.number().unwrap_or(seen);
            heard.map(|()| reader)
        };
        match tried.await {
            Ok(reader) => return Ok((reader, refused)),
            Err(error) if error.is::<Refused>() || error.is::<io::Error>() => refused += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
