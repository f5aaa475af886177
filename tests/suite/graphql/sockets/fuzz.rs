//! Frames that no client would send: each socket ends with a close code that means something, and
//! nothing of it stays.
//!
//! `SEACHANGE_TEST_FRAMES=1000000` sends a million, `SEACHANGE_TEST_SEED` says which.

mod frames;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use frames::Frames;
use seachange_testkit::{Outcome, Random, TestServer, measured};

seachange_testkit::cases! {
    Sqlite: frames_at_random;
}

/// Unless `SEACHANGE_TEST_FRAMES` says otherwise.
const FRAMES: u64 = 20_000;
/// Of one socket.
const MOST: usize = 60;
/// Sockets at a time.
const SOCKETS: usize = 32;
/// For a server that has got a close frame.
const SOON: Duration = Duration::from_secs(3);
/// What a frame may still lack whose head came about by chance, but for lengths of eight bytes.
const LONGEST: usize = 70_000;
/// A socket that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn number(variable: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::var(variable) {
        Ok(number) => number.parse().with_context(|| variable.to_owned()),
        Err(_) => Ok(default),
    }
}

/// The sockets know no database.
async fn frames_at_random(server: &TestServer) -> Outcome {
    let first = number("SEACHANGE_TEST_SEED", 1)?;
    let frames = number("SEACHANGE_TEST_FRAMES", FRAMES)?;
    let url: Arc<str> = server.url().into();
    let mut sockets = JoinSet::new();
    let (mut sent, mut seed) = (0, first);
    while sent < frames || !sockets.is_empty() {
        while sent < frames && sockets.len() < SOCKETS {
            let count = 1 + Random::seeded(seed).below(MOST);
            sent += count as u64;
            let (url, this) = (Arc::clone(&url), seed);
            sockets.spawn(async move {
                let ended = timeout(PATIENCE, socket(&url, this, count)).await;
                ended
                    .context("it hangs")
                    .and_then(|ended| ended)
                    .with_context(|| format!("seed {this}, {count} frames"))
            });
            seed += 1;
        }
        if let Some(ended) = sockets.join_next().await {
            ended??;
        }
    }
    measured(format_args!(
        "{sent} frames, {} sockets, seed {first}",
        seed - first
    ));
    nothing_is_left(server).await
}

/// Sends so many frames, then a close frame if nobody has closed yet.
async fn socket(url: &str, seed: u64, count: usize) -> Outcome {
    let address = url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    let protocol = "graphql-transport-ws".parse()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (socket, _) = client_async(request, stream).await?;
    // The server says nothing before it is spoken to, so no byte of it is lost here.
    let (read, mut write) = socket.into_inner().into_split();
    let mut closed = tokio::spawn(closed(read));
    let mut frames = Frames::seeded(seed);
    for _ in 0..count {
        // Whoever has closed reads no more.
        if write.write_all(&frames.next()).await.is_err() {
            break;
        }
    }
    let _ = write.write_all(&frames.close()).await;
    let code = match timeout(SOON, &mut closed).await {
        Ok(code) => code,
        Err(_) => {
            // The server takes all this for the rest of a longer frame: it gets that rest.
            let _ = write.write_all(&[0; LONGEST]).await;
            closed.await
        }
    };
    let code = code??.context("no close frame")?;
    // What the protocol and RFC 6455 let a server say; a fault of its own (1011) is none of these.
    ensure!(
        matches!(code, 1000..=1003 | 1005 | 1007 | 1009 | 3000..=4999),
        "closed with {code}"
    );
    Ok(())
}

/// Reads to the end; the code of the close frame. A close frame without one is 1005.
async fn closed(mut read: OwnedReadHalf) -> anyhow::Result<Option<u16>> {
    let mut code = None;
    loop {
        let mut head = [0; 2];
        if read.read_exact(&mut head).await.is_err() {
            return Ok(code);
        }
        ensure!(code.is_none(), "a frame after the close frame");
        ensure!(
            head[0] & 0x70 == 0 && head[1] & 0x80 == 0,
            "no server's frame: {head:?}"
        );
        let length = match head[1] {
            126 => u64::from(read.read_u16().await?),
            127 => read.read_u64().await?,
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length)?];
        read.read_exact(&mut payload).await?;
        match head[0] & 0x0f {
            1 => drop(serde_json::from_slice::<serde_json::Value>(&payload)?),
            8 => {
                code = Some(
                    payload
                        .first_chunk()
                        .map_or(1005, |code| u16::from_be_bytes(*code)),
                )
            }
            opcode => ensure!(matches!(opcode, 9 | 10), "opcode {opcode}"),
        }
    }
}

/// No socket, no subscription, no fault of the server's own.
async fn nothing_is_left(server: &TestServer) -> Outcome {
    let client = server.client();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let metrics = client.http().get(format!("{}/metrics", server.url()));
        let metrics = metrics.send().await?.text().await?;
        let is_quiet = metrics.contains("seachange_sockets_open 0\n")
            && metrics.contains("seachange_subscriptions_open 0\n");
        let faults = metrics
            .lines()
            .filter(|line| line.contains("code=\"INTERNAL\"") && !line.ends_with(" 0"));
        ensure!(faults.count() == 0, "{metrics}");
        if is_quiet {
            return Ok(());
        }
        ensure!(
            tokio::time::Instant::now() < deadline,
            "left over: {metrics}"
        );
        tokio::task::yield_now().await;
    }
}
