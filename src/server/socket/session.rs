//! The conversation on one socket and the operations that it starts: connects the protocol, the operations,
//! the writer and the clock.
//!
//! Guarantees: dropping it stops all its operations; while it runs it always reads, unless the peer does not
//! even read the answers to its own pings.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use async_graphql::Request;
use axum::extract::ws::{Message, Utf8Bytes};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde_json::{Map, Value as Json};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::close::Close;
use super::deadlines::{Deadlines, Due};
use super::operation::{self, Outgoing};
use super::protocol::{Action, Operation, Protocol, Serial};
use super::writer::{Replies, Turn, Writer};
use super::{Connection, End, message};
use crate::graphql::{Caller, ErrorCode, OperationKind, refusal};
use crate::server::Server;
use crate::server::auth::{AuthError, Credentials};
use crate::server::close_code::CloseCode;

/// The number of answers that wait for the peer before operations do: single ones, or payloads that are sent
/// together.
const QUEUE: usize = 8;

/// The state of the conversation, and the operations that it has started.
pub(super) struct Session {
    server: Arc<Server>,
    /// The upgrade request, which may say who the caller is, until that is known.
    request: Option<Box<Parts>>,
    caller: Caller,
    protocol: Protocol,
    deadlines: Deadlines,
    replies: Replies,
    outbox: mpsc::Sender<Box<Outgoing>>,
    answers: mpsc::Receiver<Box<Outgoing>>,
    /// The answer that is being written.
    current: Option<Box<Outgoing>>,
    /// Dropping it stops all operations.
    tasks: JoinSet<()>,
    running: HashMap<Serial, AbortHandle>,
}

impl Session {
    pub(super) fn new(server: Arc<Server>, request: Parts) -> Self {
        let (outbox, answers) = mpsc::channel(QUEUE);
        Self {
            request: Some(Box::new(request)),
            caller: Caller::anonymous(),
            protocol: Protocol::new(server.limits.subscriptions_per_socket),
            deadlines: Deadlines::new(Instant::now(), server.limits.init_wait),
            replies: Replies::default(),
            outbox,
            answers,
            current: None,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            server,
        }
    }

    /// Runs until something ends it.
    pub(super) async fn run(
        mut self,
        to: &mut Connection,
        mut stopping: watch::Receiver<bool>,
    ) -> End {
        if *stopping.borrow_and_update() {
            return End::Close(Close::stopping());
        }
        let mut timer = pin!(tokio::time::sleep_until(self.deadlines.next()));
        loop {
            if self.deadlines.next() < timer.deadline() {
                timer.as_mut().reset(self.deadlines.next());
            }
            let going_on = tokio::select! {
                message = to.stream.next(), if self.replies.has_room() => {
                    match self.read(message) {
                        Ok(action) => self.act(action).await,
                        Err(end) => Err(end),
                    }
                }
                turn = to.writer.turn(&self.replies, &mut self.current, &mut self.answers) => {
                    match turn {
                        Ok(turn) => self.write(turn, &mut to.writer),
                        Err(_) => Err(End::Lost),
                    }
                }
                () = &mut timer => {
                    let on_time = self.on_time();
                    timer.as_mut().reset(self.deadlines.next());
                    on_time
                }
                // The sender is dropped only with the server.
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
            Due::Expired => Err(End::Close(Close::expired())),
            Due::Silent => Err(End::Close(Close::silent())),
        }
    }

    fn write(&mut self, turn: Turn, writer: &mut Writer) -> Result<(), End> {
        match turn {
            Turn::Flushed => Ok(()),
            Turn::Reply => {
                let written = writer.write_reply(&mut self.replies);
                written.map_err(|_| End::Lost)
            }
            // It was queued before the client completed the operation.
            Turn::Answer(answer) if !self.protocol.is_running(&answer.origin.operation) => Ok(()),
            Turn::Answer(answer) if answer.ends_socket() => Err(End::Close(Close::try_again())),
            Turn::Answer(answer) => {
                if answer.is_last {
                    let operation = &answer.origin.operation;
                    self.protocol.finish(operation);
                    self.running.remove(&operation.serial);
                }
                self.current = Some(answer);
                Ok(())
            }
        }
    }

    fn read(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Action, End> {
        let limit = self.server.limits.message_bytes;
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(End::of(error, limit)),
            None => return Err(End::Lost),
        };
        self.deadlines.heard(Instant::now());
        Ok(match message {
            Message::Text(text) if text.len() > limit => {
                Action::Close(Close::message_too_big(limit))
            }
            Message::Text(text) => self.protocol.receive(&text),
            Message::Binary(bytes) if bytes.len() > limit => {
                Action::Close(Close::message_too_big(limit))
            }
            Message::Binary(_) => Protocol::receive_binary(),
            // Tungstenite answers pings.
            Message::Ping(_) | Message::Pong(_) => Action::Nothing,
            Message::Close(frame) => {
                let code = frame.map_or(CloseCode::NoStatus.number(), |frame| frame.code);
                return Err(End::Peer(code));
            }
        })
    }

    async fn act(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Nothing => {}
            Action::Authenticate(payload) => self.authenticate(payload.as_ref()).await?,
            Action::Send(text) => self.reply(text),
            Action::Start(operation, request) => self.start(operation, request),
            Action::Stop(serial) => {
                if let Some(task) = self.running.remove(&serial) {
                    task.abort();
                }
                // The operation's id may be in use again before the rest could be written.
                let is_of_it = |answer: &Outgoing| answer.origin.operation.serial == serial;
                self.current.take_if(|answer| is_of_it(answer));
            }
            Action::Refuse { id } => {
                let most = self.server.limits.subscriptions_per_socket;
                self.refuse(
                    &id,
                    &format!("a socket has at most {most} operations at a time"),
                );
            }
            Action::Close(close) => return Err(End::Close(close)),
        }
        Ok(())
    }

    async fn authenticate(&mut self, payload: Option<&Map<String, Json>>) -> Result<(), End> {
        let Server { auth, limits, .. } = &*self.server;
        // The protocol takes one `connection_init`.
        let Some(request) = self.request.take() else {
            return Err(End::Close(Close::forbidden()));
        };
        let credentials = Credentials::of_socket(&request, payload);
        let caller = auth.caller(credentials, limits.request_time).await;
        let caller = caller.map_err(|reason| {
            tracing::debug!(%reason, "socket refused");
            End::Close(match reason {
                AuthError::Unavailable => Close::try_again(),
                _ => Close::forbidden(),
            })
        })?;
        let since = self.server.api.position();
        self.deadlines.initialised(caller.deadline());
        self.caller = Caller { since, ..caller };
        let ack = self.protocol.accept();
        self.reply(ack);
        Ok(())
    }

    fn start(&mut self, operation: Operation, request: Box<Request>) {
        // Tasks that have ended are removed.
        while self.tasks.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&self.server.operations).try_acquire_owned() else {
            self.protocol.finish(&operation);
            let most = self.server.limits.subscriptions;
            let message = format!("this server has at most {most} operations at a time");
            return self.refuse(&operation.id, &message);
        };
        let serial = operation.serial;
        let run = operation::run(
            Arc::clone(&self.server),
            operation,
            request,
            self.caller.clone(),
            self.outbox.clone(),
        );
        let task = self.tasks.spawn(async move {
            let _open = permit;
            run.await;
        });
        self.running.insert(serial, task);
    }

    fn refuse(&mut self, id: &str, message: &str) {
        self.server
            .metrics
            .request(OperationKind::Unknown)
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
