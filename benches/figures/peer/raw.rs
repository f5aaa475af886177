//! The least that can be done: each frame is made once and broadcast to tasks that write it, up to 64
//! before they flush, through buffers as small as ours. Of the protocol it has only the beginning.

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use futures_util::SinkExt;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use crate::reader::MARK;

pub(super) const NAME: &str = "raw";

/// Of each socket, as ours.
const BUFFER_BYTES: usize = 4 * 1024;
/// Frames before a flush, as ours.
const BATCH: usize = 64;
/// Room for a whole burst: nobody misses any of it.
const FRAMES: usize = 16 * 1024;

type Frames = broadcast::Sender<Utf8Bytes>;

/// Frames are as `like`, with other numbers.
pub(super) async fn serve(like: String) -> anyhow::Result<()> {
    let (start, rest) = like.split_once(MARK).context("no number")?;
    let end = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let (frames, _) = broadcast::channel(FRAMES);
    let path = any(
        async |State(frames): State<Frames>, upgrade: WebSocketUpgrade| {
            upgrade
                .read_buffer_size(BUFFER_BYTES)
                .write_buffer_size(BUFFER_BYTES)
                .protocols(["graphql-transport-ws"])
                .on_upgrade(async move |socket| {
                    // An error means that the client is gone.
                    let _ = talk(socket, frames).await;
                })
        },
    );
    super::listen(
        Router::new()
            .route("/graphql", path)
            .with_state(frames.clone()),
    )
    .await?;
    super::obey(async |numbers| {
        for number in numbers {
            let name = super::name(number);
            // Nobody listens: no error.
            let _ = frames.send(format!("{start}{name}{end}").into());
        }
        Ok(())
    })
    .await
}

async fn talk(mut socket: WebSocket, frames: Frames) -> anyhow::Result<()> {
    socket.recv().await.context("gone")??;
    let ack = r#"{"type":"connection_ack"}"#;
    socket.send(Message::Text(ack.into())).await?;
    socket.recv().await.context("gone")??;
    let mut frames = frames.subscribe();
    loop {
        let mut frame = Some(frames.recv().await?);
        let mut room = BATCH;
        while let Some(text) = frame.take() {
            socket.feed(Message::Text(text)).await?;
            room -= 1;
            if room > 0 {
                frame = match frames.try_recv() {
                    Ok(next) => Some(next),
                    Err(TryRecvError::Empty) => None,
                    Err(error) => return Err(error.into()),
                };
            }
        }
        socket.flush().await?;
    }
}
