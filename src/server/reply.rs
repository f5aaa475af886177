//! A GraphQL response as an HTTP response, by the rules of GraphQL over HTTP on status and media type.

use std::collections::BTreeMap;

use async_graphql::{Response as Answer, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::media_type::MediaType;
use super::outcome::{code_of, has_not_run};
use crate::graphql::{ErrorCode, OperationKind};

/// The answer to a request that reached GraphQL.
pub(super) fn answer(media: MediaType, kind: OperationKind, mut answer: Answer) -> Response {
    let headers = std::mem::take(&mut answer.http_headers);
    let has_run = !has_not_run(kind, &answer);
    let unauthenticated = Some(ErrorCode::Unauthenticated.as_str());
    let status = match media {
        _ if answer
            .errors
            .iter()
            .any(|error| code_of(error) == unauthenticated) =>
        {
            StatusCode::UNAUTHORIZED
        }
        MediaType::GraphQlResponse if !has_run => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let written = Written {
        data: has_run.then_some(&answer.data),
        errors: &answer.errors,
        extensions: (!answer.extensions.is_empty()).then_some(&answer.extensions),
    };
    let mut response = write(status, media, &written);
    // A resolver may add headers.
    response.headers_mut().extend(headers);
    response
}

/// The answer to a request that did not reach GraphQL.
pub(super) fn refusal(status: StatusCode, media: MediaType, error: &ServerError) -> Response {
    let written = Written {
        data: None,
        errors: std::slice::from_ref(error),
        extensions: None,
    };
    write(status, media, &written)
}

/// A response in the form of the specification: without `data` if nothing ran.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

fn write(status: StatusCode, media: MediaType, written: &Written<'_>) -> Response {
    let (status, body) = match serde_json::to_vec(written) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "a response does not serialise");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let media = HeaderValue::from_static(media.as_str());
    headers.insert(header::CONTENT_TYPE, media);
    let uncached = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, uncached);
    response
}
