//! A client that reads every change, and after each loss of its connection continues from the last
//! cursor it holds.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use seachange_testkit::Socket;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

/// It fails rather than waits longer for a server that is no longer there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between attempts to reach a server that did not say that it has moved.
const TRY_AGAIN: Duration = Duration::from_millis(100);

const CHANGES: &str = "subscription ($after: String!) {
    changes(after: $after) { cursor key operation transactionId } }";

/// A change as the client read it.
#[derive(Debug)]
pub struct Change {
    pub cursor: String,
    pub key: String,
    pub operation: String,
    pub transaction_id: String,
}

/// What the client read in all.
#[derive(Debug)]
pub struct Seen {
    pub changes: Vec<Change>,
    pub connections: usize,
    /// The longest time between one change and the next, or from the start to the first.
    pub gap: Duration,
    latest: Instant,
}

impl Seen {
    fn take(&mut self, change: Change) {
        let now = Instant::now();
        self.gap = self.gap.max(now - self.latest);
        self.latest = now;
        self.changes.push(change);
    }

    fn cursor(&self) -> Option<&String> {
        self.changes.last().map(|change| &change.cursor)
    }
}

/// Reads until it has the change that `last` names once it does; `addresses` tells where the
/// server is, `received` counts. Whoever loses the connection comes back, to the same address too.
pub async fn follow(
    mut addresses: watch::Receiver<String>,
    received: watch::Sender<usize>,
    mut last: watch::Receiver<Option<String>>,
) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        changes: Vec::new(),
        connections: 0,
        gap: Duration::ZERO,
        latest: Instant::now(),
    };
    let mut lost_at: Option<Instant> = None;
    loop {
        let url = addresses.borrow_and_update().clone();
        // An error is a server killed before it could answer.
        if let Ok(mut socket) = connect(&url, seen.cursor()).await {
            seen.connections += 1;
            lost_at = None;
            if read(&mut socket, &mut seen, &received, &mut last).await? {
                return Ok(seen);
            }
        }
        let lost_at = *lost_at.get_or_insert_with(Instant::now);
        anyhow::ensure!(
            lost_at.elapsed() < PATIENCE,
            "connection lost, and no server comes back"
        );
        if let Ok(moved) = tokio::time::timeout(TRY_AGAIN, addresses.changed()).await {
            moved?;
        }
    }
}

async fn connect(url: &str, after: Option<&String>) -> anyhow::Result<Socket> {
    let mut socket = Socket::open(url).await?;
    let after = after.map_or("0", String::as_str);
    socket.subscribe(CHANGES, json!({ "after": after })).await?;
    Ok(socket)
}

/// Reads until the connection is lost, or to the end: then `true`.
async fn read(
    socket: &mut Socket,
    seen: &mut Seen,
    received: &watch::Sender<usize>,
    last: &mut watch::Receiver<Option<String>>,
) -> anyhow::Result<bool> {
    loop {
        let is_last = last
            .borrow_and_update()
            .as_ref()
            .is_some_and(|l| Some(l) == seen.cursor());
        if is_last {
            return Ok(true);
        }
        tokio::select! {
            message = socket.message() => match message {
                Ok(message) => {
                    seen.take(change(message)?);
                    received.send_replace(seen.changes.len());
                }
                Err(_) => return Ok(false),
            },
            named = last.changed() => named?,
        }
    }
}

/// A result is a change; anything else from a server that is there is a fault.
fn change(mut message: Json) -> anyhow::Result<Change> {
    if message["type"] != "next" || message["payload"].get("errors").is_some() {
        bail!("not a change: {message}");
    }
    let mut change = message["payload"]["data"]["changes"].take();
    let mut text = |name: &str| match change[name].take() {
        Json::String(text) => Ok(text),
        other => bail!("`{name}` is no text: {other}"),
    };
    Ok(Change {
        cursor: text("cursor")?,
        operation: text("operation")?,
        transaction_id: text("transactionId")?,
        key: change["key"]["id"].as_str().context("no key")?.to_owned(),
    })
}
