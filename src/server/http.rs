//! `/graphql` by POST and GET: from an HTTP request to one answer, or to a socket.

use std::sync::Arc;

use async_graphql::Response as Answer;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;

use super::auth::Credentials;
use super::media_type::{Accept, MediaType};
use super::rejection::Rejection;
use super::reply;
use super::request;
use super::{Server, body, idempotency, socket, sse};
use crate::graphql::{Caller, ErrorCode, OperationKind, Prepared, refusal};

/// What the head of a request says.
struct Head {
    parts: Parts,
    accept: Accept,
}

/// `POST /graphql`.
pub(super) async fn post(
    State(server): State<Arc<Server>>,
    accept: Accept,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let head = Head { parts, accept };
    match read(&server, &head, body).await {
        Ok((prepared, caller)) => answer(&server, &head, prepared, caller).await,
        Err(rejection) => reject(&server, rejection, accept.media),
    }
}

/// Answers by events or by one response, as the client requests.
async fn answer(server: &Arc<Server>, head: &Head, prepared: Prepared, caller: Caller) -> Response {
    let Accept { is_events, media } = head.accept;
    if !is_events {
        return execute(server, prepared, caller, media).await;
    }
    sse::answer(server, &head.parts.headers, prepared, caller)
        .unwrap_or_else(|rejection| reject(server, rejection, media))
}

/// Authentication comes before reading, so that a caller without a token cannot make the server buffer a
/// body.
async fn read(server: &Server, head: &Head, body: Body) -> Result<(Prepared, Caller), Rejection> {
    let caller = match admit(server, head).await {
        Ok(caller) => caller,
        Err(rejection) => {
            body::discard(body).await;
            return Err(rejection);
        }
    };
    let body = body::read(body, server.limits.request_bytes).await?;
    Ok((Prepared::new(request::from_json(&body)?), caller))
}

/// `GET /graphql`: a socket, or a query in the query string.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    accept: Accept,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let rejection = match upgrade {
        Ok(upgrade) => match open(&server, upgrade, parts) {
            Ok(response) => return response,
            Err(rejection) => rejection,
        },
        Err(rejection) if parts.headers.contains_key(header::UPGRADE) => {
            Rejection::Upgrade(rejection)
        }
        Err(_) => {
            let head = Head { parts, accept };
            match query_of(&server, &head).await {
                Ok((prepared, caller)) => return answer(&server, &head, prepared, caller).await,
                Err(rejection) => rejection,
            }
        }
    };
    reject(&server, rejection, accept.media)
}

fn open(
    server: &Arc<Server>,
    upgrade: WebSocketUpgrade,
    parts: Parts,
) -> Result<Response, Rejection> {
    server.origins.check(&parts.headers, &parts.uri)?;
    let permit = Arc::clone(&server.sockets)
        .try_acquire_owned()
        .map_err(|_| Rejection::TooManySockets)?;
    Ok(socket::open(Arc::clone(server), upgrade, parts, permit))
}

async fn query_of(server: &Server, head: &Head) -> Result<(Prepared, Caller), Rejection> {
    let caller = admit(server, head).await?;
    let prepared = Prepared::new(request::from_query_string(&head.parts.uri)?);
    // A link or an image in a page can make a browser send a GET.
    match prepared.kind() {
        OperationKind::Mutation => Err(Rejection::MutationByGet),
        _ => Ok((prepared, caller)),
    }
}

async fn admit(server: &Server, head: &Head) -> Result<Caller, Rejection> {
    let Parts { uri, headers, .. } = &head.parts;
    if head.accept.is_events {
        server.origins.check(headers, uri)?;
    } else {
        server.origins.check_request(headers, uri)?;
    }
    let credentials = Credentials::of_request(&head.parts);
    let patience = server.limits.request_time;
    let mut caller = server.auth.caller(credentials, patience).await?;
    caller.idempotency_key = idempotency::of_headers(headers)?;
    Ok(caller)
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
