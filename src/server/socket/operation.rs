//! One operation of a socket, from its request to its last answer.
//!
//! Guarantees: every operation that is not stopped ends with exactly one `complete` or `error`, after all its
//! `next`s; it proceeds no faster than the socket accepts its answers.

use std::sync::Arc;
use std::vec;

use async_graphql::{Request, ServerError};
use axum::extract::ws::Utf8Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use super::message::{self, Next};
use super::protocol::Operation;
use crate::graphql::{Answer, Caller, ErrorCode, Payload, Prepared, refusal};
use crate::server::Server;
use crate::server::idempotency::{self, InvalidKey};
use crate::server::metrics::Tally;
use crate::server::outcome::has_not_run;

/// A running operation, and the start of its `next` messages.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) operation: Operation,
    next: Next,
}

/// Answers that are waiting to be sent to the peer.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) origin: Arc<Origin>,
    texts: Texts,
    /// Whether these are the last ones, after which the operation has ended and its id is free.
    pub(super) is_last: bool,
}

#[derive(Debug)]
enum Texts {
    /// One message; `None` once it has been taken.
    One(Option<Utf8Bytes>),
    /// Payloads that are shared with other operations until each is written.
    Payloads(vec::IntoIter<Arc<Payload>>),
    /// No message: the peer must reconnect.
    Again,
}

impl Outgoing {
    /// The next message; `None` after the last.
    pub(super) fn next_text(&mut self) -> Option<Utf8Bytes> {
        match &mut self.texts {
            Texts::One(text) => text.take(),
            Texts::Payloads(payloads) => {
                let payload = payloads.next()?;
                Some(self.origin.next.around(&payload.json).into())
            }
            Texts::Again => None,
        }
    }

    /// Whether the socket must be closed instead of sending an answer.
    pub(super) fn ends_socket(&self) -> bool {
        matches!(self.texts, Texts::Again)
    }
}

/// Why an operation ends other than by `complete`.
enum Failure {
    /// The socket is gone.
    Gone,
    /// The socket must be closed.
    Again,
    Errors(Vec<ServerError>),
}

impl From<InvalidKey> for Failure {
    fn from(error: InvalidKey) -> Self {
        Self::Errors(vec![refusal(ErrorCode::BadInput, error.to_string())])
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        let id = Uuid::now_v7();
        tracing::error!(%id, %error, "a response does not serialise");
        let message = format!("internal error {id}");
        Self::Errors(vec![refusal(ErrorCode::Internal, message)])
    }
}

/// Runs the operation and queues its answers. It is stopped by dropping the future.
pub(super) async fn run(
    server: Arc<Server>,
    operation: Operation,
    request: Box<Request>,
    caller: Caller,
    outbox: Sender<Box<Outgoing>>,
) {
    let next = Next::new(&operation.id);
    let answers = Answers {
        origin: Arc::new(Origin { operation, next }),
        outbox,
    };
    let prepared = Prepared::new(*request);
    let mut tally = server.metrics.request(prepared.kind());
    let id = answers.origin.operation.id.as_str();
    let last = match execute(&server, prepared, caller, &answers, &mut tally).await {
        Ok(()) => Ok(message::complete(id)),
        Err(Failure::Gone) => return,
        Err(Failure::Again) => {
            let _ = answers.queue(Texts::Again, true).await;
            return;
        }
        Err(Failure::Errors(errors)) => {
            errors.iter().for_each(|error| tally.note_error(error));
            message::error(id, &errors)
        }
    };
    // This comes before the last answer is sent, so that a peer which has read it finds the operation
    // counted.
    drop(tally);
    // If even the error cannot be serialised, that has been logged as far as possible; the id is freed.
    let last = last.unwrap_or_else(|_| message::complete(id));
    let _ = answers.queue(Texts::One(Some(last.into())), true).await;
}

async fn execute(
    server: &Server,
    prepared: Prepared,
    caller: Caller,
    answers: &Answers,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let caller = Caller {
        idempotency_key: idempotency::of_extensions(&prepared.request().extensions)?,
        ..caller
    };
    let kind = prepared.kind();
    let mut responses = server.api.execute_stream(prepared, caller, None);
    let mut is_first = true;
    while let Some(answer) = responses.next().await {
        let texts = match answer {
            Answer::Response(response) if is_first && has_not_run(kind, &response) => {
                return Err(Failure::Errors(response.errors));
            }
            Answer::Response(response) => {
                tally.note(&response.errors);
                let text = answers.origin.next.write(&response)?;
                Texts::One(Some(text.into()))
            }
            Answer::Payloads(payloads) => {
                for payload in &payloads {
                    tally.note(&payload.errors);
                }
                Texts::Payloads(payloads.into_iter())
            }
            Answer::ConnectAgain => return Err(Failure::Again),
        };
        is_first = false;
        answers.queue(texts, false).await?;
    }
    Ok(())
}

/// The destination of an operation's answers.
struct Answers {
    origin: Arc<Origin>,
    outbox: Sender<Box<Outgoing>>,
}

impl Answers {
    /// Waits for a place in the socket's queue.
    async fn queue(&self, texts: Texts, is_last: bool) -> Result<(), Failure> {
        // It is boxed because a queue allocates room for 32 entries, whether they exist or not.
        let outgoing = Box::new(Outgoing {
            origin: Arc::clone(&self.origin),
            texts,
            is_last,
        });
        self.outbox.send(outgoing).await.map_err(|_| Failure::Gone)
    }
}
