//! Ten thousand subscribers for as long as one likes, each of one row among a thousand, while rows
//! change; some stall, some lose their connections and come back. Runs only when it is named:
//! `cargo bench -- soak`; ten minutes with `SEACHANGE_BENCH_LENGTH=20`.
//!
//! Each change of a row has the next number. Every subscriber checks that it gets each number once and
//! in order, over all its connections, and at the end that the last one is the row's last. So a change
//! that is lost, doubled or out of order fails the bench. Memory is the server's own, a process apart.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use seachange_testkit::Client;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::ground::Ground;
use super::peer::{Kind, Peer};
use super::reader::{MARK, Reader, Refused};
use super::table::{Line, Target};

const ROWS: usize = 1_000;
const SUBSCRIBERS: usize = 10_000;
/// Unless it is to be longer.
const SECONDS: u32 = 30;
/// Changes per second, by so many writers.
const CHANGES: u32 = 200;
const WRITERS: usize = 8;
/// One subscriber in so many reads nothing for a while, again and again.
const STALLED: usize = 100;
/// Below the silence after which the server takes it for dead.
const STALL: Duration = Duration::from_secs(40);
/// The others lose their connection once in so many seconds: one in a hundred each second.
const LIFE: u32 = 100;
/// Sockets opened at once.
const OPENING: usize = 64;
/// Before a subscriber that was refused tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// For everyone to have everything when writing has ended.
const PATIENCE: Duration = Duration::from_secs(120);
const SAMPLE: Duration = Duration::from_secs(1);
/// How much memory may grow from the first third to the last.
const GROWTH: f64 = 1.10;

const QUERY: &str = "subscription($id: String!, $after: String!) {
    projectChanges(filters: { id: { eq: $id } }, after: $after) { cursor kind record { name } } }";
const UPDATE: &str = "mutation($id: String!, $name: String!) {
    projectUpdate(data: { name: $name }, filter: { id: { eq: $id } }) { id } }";

/// What all know of the rows.
struct Rows {
    ids: Vec<String>,
    /// The number of the last change of each.
    numbers: Vec<AtomicU32>,
}

#[derive(Default)]
struct Tally {
    delivered: AtomicU64,
    returns: AtomicU64,
    refused: AtomicU64,
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    if !ground.has_sqlite() {
        return Ok(());
    }
    let peer = Peer::start_always(&Kind::Own)?;
    let client = Client::new(format!("http://{}", peer.address));
    let (rows, after) = fill(&client).await?;
    let tally = Arc::new(Tally::default());
    let (stop, stopped) = watch::channel(false);
    let subscribers = gather(peer.address, &rows, &after, &tally, &stopped).await?;
    let time = Duration::from_secs(u64::from(SECONDS * ground.length));
    let writers: JoinSet<_> = (0..WRITERS)
        .map(|writer| {
            write(
                client.clone(),
                Arc::clone(&rows),
                writer,
                Instant::now() + time,
            )
        })
        .collect();
    let memory = watched(&peer, time).await?;
    let written: u64 = writers
        .join_all()
        .await
        .into_iter()
        .sum::<anyhow::Result<u64>>()?;
    stop.send_replace(true);
    for ended in timeout(PATIENCE, subscribers.join_all())
        .await
        .context("not caught up")?
    {
        ended?;
    }
    let third = memory.len() / 3;
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64 / 1_024.0;
    let (first, last) = (
        mean(&memory[..third]),
        mean(&memory[memory.len() - third..]),
    );
    let name = |what: &str| {
        format!(
            "sqlite, {SUBSCRIBERS} subscribers, {} s: {what}",
            time.as_secs()
        )
    };
    let line = Line::new(name("memory, last third"), last, " MB").beside("first third", first);
    ground.tell(&line.target(Target::AtMost(GROWTH)));
    let per_second = written as f64 / time.as_secs_f64();
    ground.tell(&Line::new(name("changes"), per_second, "/s"));
    for (what, count) in [
        ("deliveries, each checked", &tally.delivered),
        ("connections lost and resumed", &tally.returns),
        ("refused at first", &tally.refused),
    ] {
        ground.tell(&Line::new(name(what), count.load(Relaxed) as f64, ""));
    }
    Ok(())
}

fn named(number: u32) -> String {
    format!("{MARK}{number:08}")
}

/// Makes the rows; the position after that.
async fn fill(client: &Client) -> anyhow::Result<(Arc<Rows>, String)> {
    let create =
        "mutation($data: [ProjectInsertInput!]!) { projectCreateBatch(data: $data) { id } }";
    let data: Vec<Json> = (0..ROWS).map(|_| json!({ "name": named(0) })).collect();
    let made = client.data(create, json!({ "data": data })).await?;
    let made = made["projectCreateBatch"].as_array().context("no rows")?;
    let ids: Vec<String> = made.iter().map(|row| text(&row["id"])).collect();
    let numbers = ids.iter().map(|_| AtomicU32::new(0)).collect();
    let head = client.data("{ changesHead }", json!({})).await?;
    Ok((Arc::new(Rows { ids, numbers }), text(&head["changesHead"])))
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// Changes one row after the other, of those that are this writer's, at its share of the rate.
async fn write(
    client: Client,
    rows: Arc<Rows>,
    writer: usize,
    until: Instant,
) -> anyhow::Result<u64> {
    let pace = Duration::from_secs(1) * u32::try_from(WRITERS)? / CHANGES;
    let mut due = Instant::now();
    let mut written = 0;
    for row in (writer..ROWS).step_by(WRITERS).cycle() {
        if due >= until {
            break;
        }
        tokio::time::sleep_until(due).await;
        due += pace;
        let number = rows.numbers[row].load(Relaxed) + 1;
        let variables = json!({ "id": rows.ids[row], "name": named(number) });
        client.data(UPDATE, variables).await?;
        rows.numbers[row].store(number, Relaxed);
        written += 1;
    }
    Ok(written)
}

/// The server's memory, again and again.
async fn watched(peer: &Peer, time: Duration) -> anyhow::Result<Vec<u64>> {
    let mut memory = Vec::new();
    let until = Instant::now() + time;
    while Instant::now() < until {
        sleep(SAMPLE).await;
        memory.push(peer.process().resident()?);
    }
    Ok(memory)
}

async fn gather(
    address: SocketAddr,
    rows: &Arc<Rows>,
    after: &str,
    tally: &Arc<Tally>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let opening = (0..SUBSCRIBERS).map(|number| {
        let mut subscriber = Subscriber {
            address,
            rows: Arc::clone(rows),
            row: number % ROWS,
            number: 0,
            after: after.to_owned(),
            tally: Arc::clone(tally),
        };
        async move {
            let reader = subscriber.open().await?;
            anyhow::Ok((number, subscriber, reader))
        }
    });
    let mut opened = stream::iter(opening).buffer_unordered(OPENING);
    let mut all = JoinSet::new();
    while let Some((number, subscriber, reader)) = opened.try_next().await? {
        all.spawn(subscriber.follow(number, reader, stopped.clone()));
    }
    Ok(all)
}

struct Subscriber {
    address: SocketAddr,
    rows: Arc<Rows>,
    row: usize,
    /// Of the last change it has.
    number: u32,
    /// Its cursor.
    after: String,
    tally: Arc<Tally>,
}

impl Subscriber {
    async fn open(&mut self) -> anyhow::Result<Reader> {
        let variables = json!({ "id": self.rows.ids[self.row], "after": self.after });
        let request = json!({ "query": QUERY, "variables": variables });
        let mut reader = Reader::open(self.address, &request).await?;
        reader.continues(self.number);
        Ok(reader)
    }

    /// Comes back with the cursor of its last change, however often it takes.
    async fn come_back(&mut self) -> anyhow::Result<Reader> {
        self.tally.returns.fetch_add(1, Relaxed);
        loop {
            match self.open().await {
                Ok(reader) => return Ok(reader),
                Err(error) if error.is::<Refused>() || error.is::<std::io::Error>() => {
                    self.tally.refused.fetch_add(1, Relaxed);
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes what a reader has.
    fn note(&mut self, reader: &Reader) -> anyhow::Result<()> {
        let number = reader.number().unwrap_or(self.number);
        if number > self.number {
            self.tally
                .delivered
                .fetch_add(u64::from(number - self.number), Relaxed);
            self.number = number;
            let frame: Json = serde_json::from_str(&reader.last())?;
            self.after = text(&frame["payload"]["data"]["projectChanges"]["cursor"]);
        }
        Ok(())
    }

    async fn follow(
        mut self,
        number: usize,
        mut reader: Reader,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let is_stalled = number.is_multiple_of(STALLED);
        // Spread over the time in which each loses its connection once.
        let first = u32::try_from(number)? % LIFE;
        let mut life = Duration::from_secs(u64::from(first));
        while !*stopped.borrow_and_update() {
            if is_stalled {
                let _ = timeout(STALL, stopped.wait_for(|stopped| *stopped)).await;
            }
            let heard = tokio::select! {
                heard = timeout(life, reader.hear(u32::MAX)) => heard,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            self.note(&reader)?;
            match heard {
                Ok(Err(error)) if !error.is::<Refused>() && !error.is::<std::io::Error>() => {
                    return Err(error);
                }
                // Time is up, or the server had enough of it.
                _ => reader = self.come_back().await?,
            }
            life = Duration::from_secs(u64::from(LIFE));
        }
        self.note(&reader)?;
        let last = self.rows.numbers[self.row].load(Relaxed);
        while self.number < last {
            match reader.hear(last).await {
                Err(error) if !error.is::<Refused>() && !error.is::<std::io::Error>() => {
                    return Err(error);
                }
                Err(_) => {
                    self.note(&reader)?;
                    reader = self.come_back().await?;
                }
                Ok(_) => self.note(&reader)?,
            }
        }
        anyhow::ensure!(
            self.number == last,
            "{} came, the last is {last}",
            self.number
        );
        Ok(())
    }
}
