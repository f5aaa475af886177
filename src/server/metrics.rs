//! What `/metrics` shows, in Prometheus's text format.
//!
//! Every label value comes from a fixed list, so no client can make the number of series grow. The text is
//! written by hand because the client library emits OpenMetrics, which not every reader of the text format
//! accepts.

use std::fmt::Write;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_graphql::ServerError;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::Server;
use super::close_code::CloseCode;
use super::outcome::code_of;
use crate::graphql::{ErrorCode, OperationKind};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    /// With one of [`ErrorCode::ALL`], by its place in that list.
    Error(usize),
    /// With a code that an adopter defines, or with none.
    Other,
}

impl Outcome {
    const COUNT: usize = ErrorCode::ALL.len() + 2;

    fn of_code(code: &str) -> Self {
        let mut known = ErrorCode::ALL.iter();
        let place = known.position(|known| known.as_str() == code);
        place.map_or(Self::Other, Self::Error)
    }

    /// Its place among the counters.
    fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Error(place) => 1 + place,
            Self::Other => Self::COUNT - 1,
        }
    }

    /// The labels of all outcomes, in the order of the counters.
    fn labels() -> impl Iterator<Item = &'static str> {
        let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
        iter::once("OK").chain(codes).chain(iter::once("OTHER"))
    }
}

/// All counters. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    sockets: AtomicU64,
    subscriptions: AtomicU64,
    requests: [[AtomicU64; Outcome::COUNT]; OperationKind::ALL.len()],
    /// A counter for each of [`CloseCode::ALL`], in the same order.
    closes: [AtomicU64; CloseCode::ALL.len()],
    /// Codes that are not among [`CloseCode::ALL`], which only a client may send.
    other_closes: AtomicU64,
}

impl Metrics {
    /// Counts a socket as open until it is dropped.
    pub(super) fn socket(&self) -> Open {
        Open::new(self, |counters| &counters.sockets)
    }

    /// Counts a request when it is dropped, under the first error recorded until then.
    pub(super) fn request(&self, kind: OperationKind) -> Tally {
        let open = (kind == OperationKind::Subscription)
            .then(|| Open::new(self, |counters| &counters.subscriptions));
        Tally {
            metrics: self.clone(),
            kind,
            outcome: Outcome::Ok,
            _open: open,
        }
    }

    /// Counts a socket's end, by the code that either side sent.
    pub(super) fn closed(&self, code: u16) {
        let mut known = CloseCode::ALL.iter();
        let count = match known.position(|known| known.number() == code) {
            Some(index) => &self.counters.closes[index],
            None => &self.counters.other_closes,
        };
        count.fetch_add(1, Relaxed);
    }

    fn render(&self) -> String {
        let mut text = String::with_capacity(4096);
        let Counters {
            sockets,
            subscriptions,
            requests,
            closes,
            other_closes,
        } = &*self.counters;
        describe(&mut text, "sockets_open", "gauge", "WebSockets open now.");
        line(&mut text, "sockets_open", "", sockets);
        describe(
            &mut text,
            "subscriptions_open",
            "gauge",
            "Subscriptions open now.",
        );
        line(&mut text, "subscriptions_open", "", subscriptions);
        let help = "GraphQL requests ended, by kind of operation and first error code.";
        describe(&mut text, "requests_total", "counter", help);
        for (kind, outcomes) in OperationKind::ALL.iter().zip(requests) {
            for (outcome, count) in Outcome::labels().zip(outcomes) {
                let labels = format!("{{kind=\"{}\",code=\"{outcome}\"}}", kind.as_str());
                line(&mut text, "requests_total", &labels, count);
            }
        }
        let help = "WebSockets ended, by close code.";
        describe(&mut text, "socket_closes_total", "counter", help);
        for (code, count) in CloseCode::ALL.iter().zip(closes) {
            let labels = format!("{{code=\"{}\"}}", code.number());
            line(&mut text, "socket_closes_total", &labels, count);
        }
        let labels = "{code=\"other\"}";
        line(&mut text, "socket_closes_total", labels, other_closes);
        text
    }
}

/// Something that is open until it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    counters: Arc<Counters>,
    gauge: fn(&Counters) -> &AtomicU64,
}

impl Open {
    fn new(metrics: &Metrics, gauge: fn(&Counters) -> &AtomicU64) -> Self {
        let counters = Arc::clone(&metrics.counters);
        gauge(&counters).fetch_add(1, Relaxed);
        Self { counters, gauge }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.gauge)(&self.counters).fetch_sub(1, Relaxed);
    }
}

/// A request in progress. It is counted when it is dropped, so that an operation that was cut off counts too.
#[derive(Debug)]
pub(super) struct Tally {
    metrics: Metrics,
    kind: OperationKind,
    outcome: Outcome,
    _open: Option<Open>,
}

impl Tally {
    pub(super) fn note(&mut self, errors: &[ServerError]) {
        if let Some(error) = errors.first() {
            self.note_error(error);
        }
    }

    pub(super) fn note_error(&mut self, error: &ServerError) {
        self.note_code(code_of(error).unwrap_or_default());
    }

    pub(super) fn refused(mut self, code: ErrorCode) {
        self.note_code(code.as_str());
    }

    fn note_code(&mut self, code: &str) {
        if self.outcome == Outcome::Ok {
            self.outcome = Outcome::of_code(code);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let outcomes = &self.metrics.counters.requests[self.kind as usize];
        outcomes[self.outcome.index()].fetch_add(1, Relaxed);
    }
}

fn describe(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "# HELP seachange_{name} {help}\n# TYPE seachange_{name} {kind}"
    );
}

fn line(text: &mut String, name: &str, labels: &str, value: &AtomicU64) {
    let _ = writeln!(text, "seachange_{name}{labels} {}", value.load(Relaxed));
}

/// `GET /metrics`.
pub(super) async fn show(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        server.metrics.render(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::refusal;

    #[test]
    fn every_close_code_of_the_server_is_counted_by_its_number() {
        let metrics = Metrics::default();
        for code in CloseCode::ALL {
            metrics.closed(code.number());
        }
        let text = metrics.render();
        for code in CloseCode::ALL {
            let line = format!("socket_closes_total{{code=\"{}\"}} 1\n", code.number());
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.contains("socket_closes_total{code=\"other\"} 0\n"));
    }

    #[test]
    fn every_error_code_is_counted_by_its_name() {
        let metrics = Metrics::default();
        for code in ErrorCode::ALL {
            metrics.request(OperationKind::Query).refused(*code);
        }
        let text = metrics.render();
        for code in ErrorCode::ALL {
            let code = code.as_str();
            let line = format!("requests_total{{kind=\"query\",code=\"{code}\"}} 1\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.contains("{kind=\"query\",code=\"OTHER\"} 0\n"));
    }

    #[test]
    fn counts_what_it_is_told_and_nothing_else() {
        let metrics = Metrics::default();
        let socket = metrics.socket();
        let subscription = metrics.request(OperationKind::Subscription);
        let mut query = metrics.request(OperationKind::Query);
        query.note_error(&refusal(ErrorCode::NotFound, "gone"));
        query.note_error(&refusal(ErrorCode::Conflict, "only the first counts"));
        drop(query);
        metrics
            .request(OperationKind::Unknown)
            .refused(ErrorCode::LimitExceeded);
        let mut own = metrics.request(OperationKind::Mutation);
        own.note_error(&ServerError::new("no code", None));
        drop(own);
        metrics.closed(4408);
        metrics.closed(3123);
        let text = metrics.render();
        for expected in [
            "seachange_sockets_open 1\n",
            "seachange_subscriptions_open 1\n",
            "seachange_requests_total{kind=\"query\",code=\"NOT_FOUND\"} 1\n",
            "seachange_requests_total{kind=\"query\",code=\"CONFLICT\"} 0\n",
            "seachange_requests_total{kind=\"unknown\",code=\"LIMIT_EXCEEDED\"} 1\n",
            "seachange_requests_total{kind=\"mutation\",code=\"OTHER\"} 1\n",
            "seachange_socket_closes_total{code=\"4408\"} 1\n",
            "seachange_socket_closes_total{code=\"other\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        drop((socket, subscription));
        let text = metrics.render();
        assert!(text.contains("seachange_sockets_open 0\n"));
        assert!(text.contains("seachange_subscriptions_open 0\n"));
        assert!(text.contains("{kind=\"subscription\",code=\"OK\"} 1\n"));
    }
}
