//! GraphQL over server-sent events, in distinct connections mode: one operation per request.
//!
//! Guarantees: an event's `id` is a cursor from which the operation continues exactly, so a browser that
//! reconnects by itself misses nothing; only the socket's own buffers hold data for a slow reader; the
//! response ends with `complete`, or without it if the server stops or the caller's time is over.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Server;
use super::metrics::Tally;
use super::rejection::Rejection;
use crate::graphql::{Answer, Caller, Prepared};

/// The interval is below the idle time after which proxies drop a connection (60 s).
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// The header in which a client that reconnects names the last event that it has received.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers an operation as events.
pub(super) fn answer(
    server: &Arc<Server>,
    headers: &HeaderMap,
    prepared: Prepared,
    caller: Caller,
) -> Result<Response, Rejection> {
    let until = caller.deadline();
    let permit = Arc::clone(&server.sockets)
        .try_acquire_owned()
        .map_err(|_| Rejection::TooManySockets)?;
    let resume = match headers.get(LAST_EVENT_ID).map(HeaderValue::to_str) {
        Some(Ok(id)) if !id.is_empty() => Some(id.to_owned()),
        Some(Err(_)) => Some(String::new()),
        _ => None,
    };
    let tally = server.metrics.request(prepared.kind());
    let answers = server.api.execute_stream(prepared, caller, resume);
    let events = events(Arc::clone(server), tally, permit, until, answers);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would delay events.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    Ok(response)
}

fn events(
    server: Arc<Server>,
    mut tally: Tally,
    permit: OwnedSemaphorePermit,
    until: Option<Instant>,
    answers: impl Stream<Item = Answer> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let mut stopping = server.stopping.subscribe();
    let ended = async move {
        let stopped = stopping.wait_for(|stopping| *stopping);
        match until {
            // A client that reconnects with the same token gets the reason why it is refused.
            Some(until) => drop(tokio::time::timeout_at(until, stopped).await),
            None => drop(stopped.await),
        }
    };
    // Without `complete` a client reconnects by itself.
    let cut_off = Arc::new(AtomicBool::new(false));
    let is_cut_off = Arc::clone(&cut_off);
    let answers = answers.take_while(move |answer| {
        let ends = matches!(answer, Answer::ConnectAgain);
        cut_off.store(ends, Ordering::Relaxed);
        std::future::ready(!ends)
    });
    let nexts = answers.flat_map(move |answer| {
        let _open = &permit;
        stream::iter(nexts_of(answer, &mut tally))
    });
    // EventSource ignores an event without a data line, and axum writes none for "".
    let complete = stream::once(async move {
        let is_complete = !is_cut_off.load(Ordering::Relaxed);
        is_complete.then(|| Event::default().event("complete").data("\n"))
    });
    let complete = complete.filter_map(std::future::ready);
    nexts.chain(complete).take_until(ended).map(Ok)
}

fn nexts_of(answer: Answer, tally: &mut Tally) -> Vec<Event> {
    let next = || Event::default().event("next");
    match answer {
        Answer::Response(response) => {
            tally.note(&response.errors);
            let event = next().json_data(&response).unwrap_or_else(|error| {
                tracing::error!(%error, "a response does not serialise");
                next().data(r#"{"data":null}"#)
            });
            vec![event]
        }
        Answer::Payloads(payloads) => {
            let events = payloads.iter().map(|payload| {
                tally.note(&payload.errors);
                let event = next().data(&payload.json);
                match &payload.cursor {
                    Some(cursor) => event.id(cursor),
                    None => event,
                }
            });
            events.collect()
        }
        Answer::ConnectAgain => Vec::new(),
    }
}
