//! Many subscribers of one server, the same for every server that is compared.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::peer::Peer;
use super::reader::{Heard, Reader};

/// Sockets opened at once.
const OPENING: usize = 64;
/// Between changes until each has got one.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for all that is to come.
const PATIENCE: Duration = Duration::from_secs(300);

/// Subscribers who all want the same, as tasks of this process.
pub struct Crowd {
    readers: Vec<Reader>,
    /// Of the next change.
    next: u32,
}

impl Crowd {
    /// So many, all of whom have got a change.
    pub async fn gather(peer: &mut Peer, count: usize, query: &str) -> anyhow::Result<Self> {
        let mut crowd = Self {
            readers: Vec::new(),
            next: 0,
        };
        crowd.grow(peer, count, query).await?;
        Ok(crowd)
    }

    /// More, until there are so many.
    pub async fn grow(&mut self, peer: &mut Peer, count: usize, query: &str) -> anyhow::Result<()> {
        let missing = count - self.readers.len();
        let mut newcomers = Self {
            readers: open(peer.address, missing, query).await?,
            next: self.next,
        };
        // Nobody is told when a subscription has begun.
        let mut beginning = newcomers.listen(0);
        while !beginning.is_empty() {
            peer.publish(newcomers.next..newcomers.next + 1)?;
            newcomers.next += 1;
            let joining = newcomers.join(&mut beginning);
            if let Ok(joined) = tokio::time::timeout(PAUSE, joining).await {
                joined?;
            }
        }
        self.next = newcomers.next;
        self.readers.append(&mut newcomers.readers);
        self.hear().await?;
        Ok(())
    }

    /// A burst of changes; how long it took from the first delivery to anyone to the last.
    pub async fn burst(&mut self, peer: &mut Peer, changes: u32) -> anyhow::Result<Duration> {
        peer.publish(self.next..self.next + changes)?;
        self.next += changes;
        self.hear().await
    }

    /// The frame of the last change.
    pub fn last(&self) -> anyhow::Result<String> {
        Ok(self.readers.first().context("nobody")?.last())
    }

    /// Waits until everyone has everything.
    async fn hear(&mut self) -> anyhow::Result<Duration> {
        let mut listening = self.listen(self.next - 1);
        let joining = self.join(&mut listening);
        let heard = tokio::time::timeout(PATIENCE, joining).await??;
        let first = heard.iter().map(|heard| heard.first).min();
        let last = heard.iter().map(|heard| heard.last).max();
        let (last, first) = last.zip(first).context("nobody")?;
        Ok(last - first)
    }

    /// Has everyone read, each in a task, until they have this change.
    fn listen(&mut self, until: u32) -> Listening {
        let readers = self.readers.drain(..).map(|mut reader| async move {
            let heard = reader.hear(until).await?;
            Ok((reader, heard))
        });
        readers.collect()
    }

    /// Takes back those who have read.
    async fn join(&mut self, listening: &mut Listening) -> anyhow::Result<Vec<Heard>> {
        let mut all = Vec::new();
        while let Some(joined) = listening.join_next().await {
            let (reader, heard) = joined??;
            self.readers.push(reader);
            all.push(heard);
        }
        Ok(all)
    }
}

type Listening = JoinSet<anyhow::Result<(Reader, Heard)>>;

async fn open(address: SocketAddr, count: usize, query: &str) -> anyhow::Result<Vec<Reader>> {
    let request = serde_json::json!({ "query": query });
    let opening = (0..count).map(|_| Reader::open(address, &request));
    stream::iter(opening)
        .buffer_unordered(OPENING)
        .try_collect()
        .await
}
