//! `/graphql` by POST and GET: from an HTTP request to one answer, or to a socket.

use std::sync::Arc;

use async_graphql::{Request, Response as Answer};
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;

use super::auth::Admitted;
use super::media_type::MediaType;
use super::operation_kind::OperationKind;
use super::rejection::Rejection;
use super::reply;
use super::request;
use super::{Server, body, idempotency, socket, sse};
use crate::graphql::{Caller, ErrorCode, refusal};

/// `POST /graphql`.
pub(super) async fn post(
    State(server): State<Arc<Server>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let media = MediaType::wanted(&headers);
    match read(&server, &headers, &uri, body).await {
        Ok((request, admitted)) => answer(&server, &headers, request, admitted).await,
        Err(rejection) => reject(&server, rejection, media),
    }
}

/// Answers by events or by one response, as the client requests.
async fn answer(
    server: &Arc<Server>,
    headers: &HeaderMap,
    request: Request,
    admitted: Admitted,
) -> Response {
    let media = MediaType::wanted(headers);
    if !sse::is_wanted(headers) {
        return execute(server, request, admitted.caller, media).await;
    }
    sse::answer(server, headers, request, admitted)
        .unwrap_or_else(|rejection| reject(server, rejection, media))
}

/// Authentication comes before reading, so that a caller without a token cannot make the server buffer a
/// body.
async fn read(
    server: &Server,
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
) -> Result<(Request, Admitted), Rejection> {
    let admitted = match admit(server, headers, uri) {
        Ok(admitted) => admitted,
        Err(rejection) => {
            body::discard(body).await;
            return Err(rejection);
        }
    };
    let body = body::read(body, server.limits.request_bytes).await?;
    Ok((request::from_json(&body)?, admitted))
}

/// `GET /graphql`: a socket, or a query in the query string.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let media = MediaType::wanted(&headers);
    let rejection = match upgrade {
        Ok(upgrade) => match open(&server, upgrade, headers.clone(), &uri) {
            Ok(response) => return response,
            Err(rejection) => rejection,
        },
        Err(rejection) if headers.contains_key(header::UPGRADE) => Rejection::Upgrade(rejection),
        Err(_) => match query_of(&server, &headers, &uri) {
            Ok((request, admitted)) => return answer(&server, &headers, request, admitted).await,
            Err(rejection) => rejection,
        },
    };
    reject(&server, rejection, media)
}

fn open(
    server: &Arc<Server>,
    upgrade: WebSocketUpgrade,
    headers: HeaderMap,
    uri: &Uri,
) -> Result<Response, Rejection> {
    server.origins.check(&headers, uri)?;
    let permit = Arc::clone(&server.sockets).try_acquire_owned();
    let permit = permit.map_err(|_| Rejection::TooManySockets)?;
    Ok(socket::open(Arc::clone(server), upgrade, headers, permit))
}

fn query_of(
    server: &Server,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<(Request, Admitted), Rejection> {
    let admitted = admit(server, headers, uri)?;
    let mut request = request::from_query_string(uri)?;
    // A link or an image in a page can make a browser send a GET.
    match OperationKind::of(&mut request) {
        OperationKind::Mutation => Err(Rejection::MutationByGet),
        _ => Ok((request, admitted)),
    }
}

fn admit(server: &Server, headers: &HeaderMap, uri: &Uri) -> Result<Admitted, Rejection> {
    if sse::is_wanted(headers) {
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
    mut request: Request,
    caller: Caller,
    media: MediaType,
) -> Response {
    let kind = OperationKind::of(&mut request);
    let mut tally = server.metrics.request(kind);
    let answer = match kind {
        OperationKind::Subscription => Answer::from_errors(vec![refusal(
            ErrorCode::BadInput,
            "a subscription needs a WebSocket (graphql-transport-ws) at this address, or \
             `Accept: text/event-stream`",
        )]),
        _ => server.api.execute(request, caller).await,
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
