//! One WebSocket: `graphql-transport-ws` between a peer and the [`Api`](crate::graphql::Api).
//!
//! One task reads and writes; each operation is a separate task that queues its answers and waits while the
//! queue is full. So a slow reader costs a bounded amount of memory and affects no other client, and a
//! blocked write never keeps `complete` or `ping` from being read. Async-graphql's own transport was
//! rejected: it closes with other codes than the protocol's, replaces a running operation with the same id,
//! sends no pings and does not expose the socket's buffer sizes.
//!
//! Guarantees: nothing that a peer sends causes a panic; all operations end when the socket does; every close
//! has a code and a reason.

mod close;
mod deadlines;
mod message;
mod operation;
mod protocol;
mod session;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite;

use super::Server;
use super::close_code::CloseCode;
use close::Close;
use session::Session;
use writer::Writer;

const SUBPROTOCOL: &str = "graphql-transport-ws";

/// The write buffer of a socket, which exists while it writes, and the read buffer, which always exists:
/// clients' messages are short. Tungstenite's default of 128 KiB each is most of what an idle connection
/// costs.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
const READ_BUFFER_BYTES: usize = 1024;

/// A message up to this many times the limit is read to its end, so that the close frame gets through; a
/// connection that is closed with unread bytes is reset.
const OVERSIZE: usize = 4;

/// How long the peer has to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// How long a close frame has to arrive if nothing can be read any more.
const LINGER: Duration = Duration::from_secs(1);

/// Answers the upgrade; from then on the socket runs in its own task, which holds `permit`.
pub(super) fn open(
    server: Arc<Server>,
    upgrade: WebSocketUpgrade,
    request: Parts,
    permit: OwnedSemaphorePermit,
) -> Response {
    let ceiling = server.limits.message_bytes.saturating_mul(OVERSIZE);
    let mut upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_frame_size(ceiling)
        .max_message_size(ceiling)
        .protocols([SUBPROTOCOL]);
    let is_ours = upgrade.selected_protocol().is_some();
    if !is_ours {
        // Browsers drop a connection that chose none of the protocols they offered, and would not show why.
        let offered = upgrade.requested_protocols().find(|name| !name.is_empty());
        if let Some(offered) = offered.cloned() {
            upgrade.set_selected_protocol(offered);
        }
    }
    let stopping = server.stopping.subscribe();
    upgrade.on_upgrade(move |socket| async move {
        let _open = server.metrics.socket();
        let mut connection = Connection::new(socket, Arc::clone(&server));
        let end = if is_ours {
            Session::new(Arc::clone(&server), request)
                .run(&mut connection, stopping)
                .await
        } else {
            End::Close(Close::subprotocol_not_acceptable())
        };
        connection.end(end).await;
        drop(permit);
    })
}

/// How a connection ends.
enum End {
    /// The server closes it.
    Close(Close),
    /// The server closes it because the stream of bytes is no longer valid.
    Broken(Close),
    /// The peer has closed it, with this code.
    Peer(u16),
    /// The connection was lost without a close frame.
    Lost,
}

impl End {
    fn of(error: axum::Error, limit: usize) -> Self {
        use tungstenite::Error;
        use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        match error.into_inner().downcast_ref() {
            Some(Error::Capacity(_)) => Self::Broken(Close::message_too_big(limit)),
            Some(Error::Utf8(_)) => Self::Broken(Close::not_utf8()),
            Some(Error::Protocol(ResetWithoutClosingHandshake)) => Self::Lost,
            Some(Error::Protocol(_)) => Self::Broken(Close::protocol_violation()),
            _ => Self::Lost,
        }
    }
}

/// Both halves of the socket.
struct Connection {
    writer: Writer,
    stream: SplitStream<WebSocket>,
    server: Arc<Server>,
}

impl Connection {
    fn new(socket: WebSocket, server: Arc<Server>) -> Self {
        let (sink, stream) = socket.split();
        Self {
            writer: Writer::new(sink),
            stream,
            server,
        }
    }

    /// Performs the closing handshake, as far as the peer takes part in it.
    async fn end(mut self, end: End) {
        let (code, close, is_readable) = match end {
            End::Close(close) => (close.code.number(), Some(close), true),
            End::Broken(close) => (close.code.number(), Some(close), false),
            End::Peer(code) => (code, None, true),
            End::Lost => (CloseCode::Abnormal.number(), None, false),
        };
        tracing::debug!(code, "socket closed");
        self.server.metrics.closed(code);
        let has_close = close.is_some();
        let handshake = async {
            if let Some(close) = close {
                self.writer
                    .finish(Message::Close(Some(close.into())))
                    .await?;
            }
            if is_readable {
                // This also sends the reply to a peer's close frame.
                while let Some(Ok(_)) = self.stream.next().await {}
            } else if has_close {
                tokio::time::sleep(LINGER).await;
            }
            Ok::<(), axum::Error>(())
        };
        // The peer has had its chance, even if it is gone or slow.
        let _ = tokio::time::timeout(CLOSE_WAIT, handshake).await;
    }
}
