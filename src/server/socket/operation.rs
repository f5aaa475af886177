//! One operation of a socket, from its request to its last answer.
//!
//! Guarantees: every operation that is not stopped ends with exactly one `complete` or `error`, after
//! all its `next`s; it goes no faster than the socket takes its answers.

use std::sync::Arc;

use async_graphql::{Request, ServerError};
use axum::extract::ws::Utf8Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use super::message::{self, Next};
use super::protocol::Operation;
use crate::graphql::{Answer, Caller, ErrorCode, refusal};
use crate::server::Server;
use crate::server::idempotency::{self, InvalidKey};
use crate::server::metrics::Tally;
use crate::server::outcome::has_not_run;
use crate::server::request::Kind;

/// A message on its way to the peer.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) operation: Arc<Operation>,
    pub(super) text: Utf8Bytes,
    /// With it the operation is over and its id free.
    pub(super) is_last: bool,
}

/// Why an operation ends otherwise than by `complete`.
enum Failure {
    /// Nobody is there to read.
    Gone,
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

/// Runs the operation and queues its answers. Stopped by being dropped.
pub(super) async fn run(
    server: Arc<Server>,
    operation: Operation,
    mut request: Request,
    caller: Caller,
    outbox: Sender<Outgoing>,
) {
    let answers = Answers {
        operation: Arc::new(operation),
        outbox,
    };
    let kind = Kind::of(&mut request);
    let mut tally = server.metrics.request(kind);
    let id = answers.operation.id.as_str();
    let last = match execute(&server, kind, request, caller, &answers, &mut tally).await {
        Ok(()) => Ok(message::complete(id)),
        Err(Failure::Gone) => return,
        Err(Failure::Errors(errors)) => {
            errors.iter().for_each(|error| tally.note_error(error));
            message::error(id, &errors)
        }
    };
    // Before the last answer goes out: whoever has read it finds the operation counted.
    drop(tally);
    // That even the error does not serialise has been logged as far as it can be; the id is freed.
    let _ = answers
        .queue(last.unwrap_or_else(|_| message::complete(id)), true)
        .await;
}

async fn execute(
    server: &Server,
    kind: Kind,
    request: Request,
    caller: Caller,
    answers: &Answers,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let caller = Caller {
        idempotency_key: idempotency::of_extensions(&request.extensions)?,
        ..caller
    };
    let next = Next::new(&answers.operation.id);
    let mut responses = server.api.execute_stream(request, caller);
    let mut is_first = true;
    while let Some(answer) = responses.next().await {
        let text = match answer {
            Answer::Response(response) if is_first && has_not_run(kind, &response) => {
                return Err(Failure::Errors(response.errors));
            }
            Answer::Response(response) => {
                tally.note(&response.errors);
                next.write(&response)?
            }
            Answer::Payload(payload) => {
                tally.note(&payload.errors);
                next.around(&payload.json)
            }
        };
        is_first = false;
        answers.queue(text, false).await?;
    }
    Ok(())
}

/// Where an operation's answers go.
struct Answers {
    operation: Arc<Operation>,
    outbox: Sender<Outgoing>,
}

impl Answers {
    /// Waits for a place in the socket's queue.
    async fn queue(&self, text: String, is_last: bool) -> Result<(), Failure> {
        let outgoing = Outgoing {
            operation: Arc::clone(&self.operation),
            text: text.into(),
            is_last,
        };
        self.outbox.send(outgoing).await.map_err(|_| Failure::Gone)
    }
}
