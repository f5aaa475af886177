//! One WebSocket: `graphql-transport-ws` between a peer and the [`Api`](crate::graphql::Api).
//!
//! One task reads and writes; each operation is a task of its own that queues its answers and waits
//! while the queue is full. So a slow reader costs a bounded amount of memory and nobody else, and a
//! blocked write never keeps `complete` or `ping` from being read. Async-graphql's own transport was
//! turned down: it closes with other codes than the protocol's, replaces a running operation with
//! the same id, sends no pings and hides the socket's buffer sizes.
//!
//! Guarantees: nothing that a peer sends panics; all operations end when the socket does; every
//! close has a code and a reason.

mod close;
mod deadlines;
mod message;
mod operation;
mod protocol;
mod writer;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite;

use super::Server;
use super::request::Kind;
use crate::graphql::{Caller, ErrorCode, refusal};
use close::Close;
use deadlines::{Deadlines, Due};
use operation::Outgoing;
use protocol::{Action, Protocol, Serial};
use writer::{Replies, Turn, Writer};

const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Read and write buffer of a socket. Tungstenite's default of 128 KiB each is most of what an idle
/// connection costs.
const BUFFER_BYTES: usize = 4 * 1024;

/// Answers that wait for the peer before operations do.
const QUEUE: usize = 64;

/// A message up to this many times the limit is read to its end, so that the close frame gets
/// through; a connection closed with bytes unread is reset.
const OVERSIZE: usize = 4;

/// How long the peer has to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// How long a close frame has to arrive where nothing can be read any more.
const LINGER: Duration = Duration::from_secs(1);

/// Answers the upgrade; from then on the socket lives in a task of its own, which holds `permit`.
pub(super) fn open(
    server: Arc<Server>,
    upgrade: WebSocketUpgrade,
    headers: HeaderMap,
    permit: OwnedSemaphorePermit,
) -> Response {
    let ceiling = server.limits.message_bytes.saturating_mul(OVERSIZE);
    let mut upgrade = upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_frame_size(ceiling)
        .max_message_size(ceiling)
        .protocols([SUBPROTOCOL]);
    let is_ours = upgrade.selected_protocol().is_some();
    if !is_ours {
        // Browsers drop a connection that chose none of what they offered, and would not see why.
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
            Session::new(Arc::clone(&server), headers)
                .run(&mut connection, stopping)
                .await
        } else {
            End::Close(Close::subprotocol_not_acceptable())
        };
        connection.end(end).await;
        drop(permit);
    })
}

/// How a conversation ends.
enum End {
    /// By us.
    Close(Close),
    /// By us, over a stream of bytes that makes no sense any more.
    Broken(Close),
    /// By the peer, with its code.
    Peer(u16),
    /// Without a word.
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

    /// The closing handshake, as far as the peer takes part in it.
    async fn end(mut self, end: End) {
        let (code, close, is_readable) = match end {
            End::Close(close) => (close.code, Some(close), true),
            End::Broken(close) => (close.code, Some(close), false),
            End::Peer(code) => (code, None, true),
            End::Lost => (Close::ABNORMAL, None, false),
        };
        tracing::debug!(code, "socket closed");
        self.server.metrics.closed(code);
        let has_close = close.is_some();
        let handshake = async {
            if let Some(close) = close {
                self.writer.finish(Message::Close(Some(close.into()))).await?;
            }
            if is_readable {
                // Also what sends the reply to a peer's close frame.
                while let Some(Ok(_)) = self.stream.next().await {}
            } else if has_close {
                tokio::time::sleep(LINGER).await;
            }
            Ok::<(), axum::Error>(())
        };
        // A peer that is gone or slow has had its chance.
        let _ = tokio::time::timeout(CLOSE_WAIT, handshake).await;
    }
}

/// The conversation: what has been said, and what runs because of it.
struct Session {
    server: Arc<Server>,
    /// Of the upgrade request: they may carry a token.
    headers: HeaderMap,
    caller: Caller,
    protocol: Protocol,
    deadlines: Deadlines,
    replies: Replies,
    outbox: mpsc::Sender<Outgoing>,
    answers: mpsc::Receiver<Outgoing>,
    /// Dropping it stops all operations.
    tasks: JoinSet<()>,
    running: HashMap<Serial, AbortHandle>,
}

impl Session {
    fn new(server: Arc<Server>, headers: HeaderMap) -> Self {
        let (outbox, answers) = mpsc::channel(QUEUE);
        Self {
            headers,
            caller: Caller::default(),
            protocol: Protocol::new(server.limits.subscriptions_per_socket),
            deadlines: Deadlines::new(Instant::now(), server.limits.init_wait),
            replies: Replies::default(),
            outbox,
            answers,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            server,
        }
    }

    async fn run(mut self, to: &mut Connection, mut stopping: watch::Receiver<bool>) -> End {
        if *stopping.borrow_and_update() {
            return End::Close(Close::stopping());
        }
        let mut timer = pin!(tokio::time::sleep_until(self.deadlines.next()));
        loop {
            let going_on = tokio::select! {
                message = to.stream.next(), if self.replies.has_room() => self.read(message),
                turn = to.writer.turn(&self.replies, &mut self.answers) => {
                    turn.and_then(|turn| self.write(turn, &mut to.writer)).map_err(|_| End::Lost)
                }
                () = &mut timer => {
                    let on_time = self.on_time();
                    timer.as_mut().reset(self.deadlines.next());
                    on_time
                }
                // The sender is gone only with the server.
                _ = stopping.changed() => Err(End::Close(Close::stopping())),
            };
            if let Err(end) = going_on {
                return end;
            }
        }
    }

    fn on_time(&mut self) -> Result<(), End> {
        match self.deadlines.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Ping => {
                self.replies.push(Message::Ping(Vec::new().into()));
                Ok(())
            }
            Due::InitTimeout => Err(End::Close(Close::initialisation_timeout())),
            Due::Silent => Err(End::Close(Close::silent())),
        }
    }

    fn write(&mut self, turn: Turn, writer: &mut Writer) -> Result<(), axum::Error> {
        match turn {
            Turn::Flushed => Ok(()),
            Turn::Reply => writer.write_reply(&mut self.replies),
            // Queued before the client completed the operation.
            Turn::Answer(answer) if !self.protocol.is_running(&answer.operation) => Ok(()),
            Turn::Answer(answer) => {
                if answer.is_last {
                    self.protocol.finish(&answer.operation);
                    self.running.remove(&answer.operation.serial);
                }
                writer.write(Message::Text(answer.text))
            }
        }
    }

    fn read(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let limit = self.server.limits.message_bytes;
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(End::of(error, limit)),
            None => return Err(End::Lost),
        };
        self.deadlines.heard(Instant::now());
        let action = match message {
            Message::Text(text) if text.len() > limit => Action::Close(Close::message_too_big(limit)),
            Message::Text(text) => self.protocol.receive(&text),
            Message::Binary(bytes) if bytes.len() > limit => {
                Action::Close(Close::message_too_big(limit))
            }
            Message::Binary(_) => Protocol::receive_binary(),
            // Tungstenite answers pings.
            Message::Ping(_) | Message::Pong(_) => Action::Nothing,
            Message::Close(frame) => {
                let code = frame.map_or(Close::NO_STATUS, |frame| frame.code);
                return Err(End::Peer(code));
            }
        };
        self.act(action)
    }

    fn act(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Nothing => {}
            Action::Authenticate(payload) => {
                let auth = &self.server.auth;
                let caller = auth.caller_of_socket(&self.headers, payload.as_ref());
                self.caller = caller.map_err(|reason| {
                    tracing::debug!(%reason, "socket refused");
                    End::Close(Close::forbidden())
                })?;
                self.deadlines.initialised();
                self.headers = HeaderMap::new();
                let ack = self.protocol.accept();
                self.reply(ack);
            }
            Action::Send(text) => self.reply(text),
            Action::Start(operation, request) => self.start(operation, *request),
            Action::Stop(serial) => {
                if let Some(task) = self.running.remove(&serial) {
                    task.abort();
                }
            }
            Action::Refuse { id } => self.refuse(&id),
            Action::Close(close) => return Err(End::Close(close)),
        }
        Ok(())
    }

    fn start(&mut self, operation: protocol::Operation, request: async_graphql::Request) {
        // What has ended needs no more looking after.
        while self.tasks.try_join_next().is_some() {}
        let serial = operation.serial;
        let task = self.tasks.spawn(operation::run(
            Arc::clone(&self.server),
            operation,
            request,
            self.caller.clone(),
            self.outbox.clone(),
        ));
        self.running.insert(serial, task);
    }

    fn refuse(&mut self, id: &str) {
        let most = self.server.limits.subscriptions_per_socket;
        let message = format!("a socket has at most {most} operations at a time");
        self.server
            .metrics
            .request(Kind::Unknown)
            .refused(ErrorCode::LimitExceeded);
        match message::error(id, &[refusal(ErrorCode::LimitExceeded, message)]) {
            Ok(text) => self.reply(text),
            Err(error) => tracing::error!(%error, "an error does not serialise"),
        }
    }

    fn reply(&mut self, text: String) {
        self.replies.push(Message::Text(Utf8Bytes::from(text)));
    }
}
