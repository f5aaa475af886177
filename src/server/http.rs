//! `/graphql` by POST and GET: from an HTTP request to one answer, or to a socket.

use std::sync::Arc;

use async_graphql::Response as Answer;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;

use super::auth::Admitted;
use super::media_type::{Accept, MediaType};
use super::rejection::Rejection;
use super::reply;
use super::request;
use super::{Server, body, idempotency, socket, sse};
use crate::graphql::{Caller, ErrorCode, OperationKind, Prepared, refusal};

/// What the head of a request says.
struct Head {
    uri: Uri,
    headers: HeaderMap,
    accept: Accept,
}

/// `POST /graphql`.
pub(super) async fn post(
    State(server): State<Arc<Server>>,
    uri: Uri,
    accept: Accept,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let head = Head {
        uri,
        headers,
        accept,
    };
    match read(&server, &head, body).await {
        Ok((prepared, admitted)) => answer(&server, &head, prepared, admitted).await,
        Err(rejection) => reject(&server, rejection, accept.media),
    }
}

/// Answers by events or by one response, as the client requests.
async fn answer(
    server: &Arc<Server>,
    head: &Head,
    prepared: Prepared,
    admitted: Admitted,
) -> Response {
    let Accept { is_events, media } = head.accept;
    if !is_events {
        return execute(server, prepared, admitted.caller, media).await;
    }
    sse::answer(server, &head.headers, prepared, admitted)
        .unwrap_or_else(|rejection| reject(server, rejection, media))
}

/// Authentication comes before reading, so that a caller without a token cannot make the server buffer a
/// body.
async fn read(server: &Server, head: &Head, body: Body) -> Result<(Prepared, Admitted), Rejection> {
    let admitted = match admit(server, head) {
        Ok(admitted) => admitted,
        Err(rejection) => {
            body::discard(body).await;
            return Err(rejection);
        }
    };
    let body = body::read(body, server.limits.request_bytes).await?;
    Ok((Prepared::new(request::from_json(&body)?), admitted))
}

/// `GET /graphql`: a socket, or a query in the query string.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    uri: Uri,
    accept: Accept,
    headers: HeaderMap,
) -> Response {
    let head = Head {
        uri,
        headers,
        accept,
    };
    let rejection = match upgrade {
        Ok(upgrade) => match open(&server, upgrade, &head) {
            Ok(response) => return response,
            Err(rejection) => rejection,
        },
        Err(rejection) if head.headers.contains_key(header::UPGRADE) => {
            Rejection::Upgrade(rejection)
        }
        Err(_) => match query_of(&server, &head) {
            Ok((prepared, admitted)) => return answer(&server, &head, prepared, admitted).await,
            Err(rejection) => rejection,
        },
    };
    reject(&server, rejection, accept.media)
}

fn open(
    server: &Arc<Server>,
    upgrade: WebSocketUpgrade,
    head: &Head,
) -> Result<Response, Rejection> {
    server.origins.check(&head.headers, &head.uri)?;
    let permit = Arc::clone(&server.sockets)
        .try_acquire_owned()
        .map_err(|_| Rejection::TooManySockets)?;
    let (server, headers) = (Arc::clone(server), head.headers.clone());
    Ok(socket::open(server, upgrade, headers, permit))
}

fn query_of(server: &Server, head: &Head) -> Result<(Prepared, Admitted), Rejection> {
    let admitted = admit(server, head)?;
    let prepared = Prepared::new(request::from_query_string(&head.uri)?);
    // A link or an image in a page can make a browser send a GET.
    match prepared.kind() {
        OperationKind::Mutation => Err(Rejection::MutationByGet),
        _ => Ok((prepared, admitted)),
    }
}

fn admit(server: &Server, head: &Head) -> Result<Admitted, Rejection> {
    let Head { uri, headers, .. } = head;
    if head.accept.is_events {
        server.origins.check(headers, uri)?;
    } else {
        server.origins.check_request(headers, uri)?;
    }
    let mut admitted = server.auth.caller(headers)?;
    admitted.caller.idempotency_key = idempotency::of_headers(headers)?;
    Ok(admitted)
}

async fn execute(
    server: &Server,
    prepared: Prepared,
    caller: Caller,
    media: MediaType,
) -> Response {
    let kind = prepared.kind();
    let mut tally = server.metrics.request(kind);
    let answer = match kind {
        OperationKind::Subscription => Answer::from_errors(vec![refusal(
            ErrorCode::BadInput,
            "a subscription needs a WebSocket (graphql-transport-ws) at this address, or \
             `Accept: text/event-stream`",
        )]),
        _ => server.api.execute(prepared, caller).await,
    };
    tally.note(&answer.errors);
    reply::answer(media, kind, answer)
}

fn reject(server: &Server, rejection: Rejection, media: MediaType) -> Response {
    server
        .metrics
        .request(OperationKind::Unknown)
        .refused(rejection.code());
    rejection.into_response(media)
}
