//! A GraphQL response as an HTTP response: GraphQL over HTTP's rules of status and media type.

use std::collections::BTreeMap;

use async_graphql::{Response as Answer, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::outcome::{code_of, has_not_run};
use super::request::Kind;
use crate::graphql::ErrorCode;

/// The two media types of a GraphQL response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`: any well-formed request has status 200.
    Json,
    /// `application/graphql-response+json`: a request that could not run has status 400.
    GraphQlResponse,
}

impl MediaType {
    const GRAPHQL: &str = "application/graphql-response+json";
    const JSON: &str = "application/json";

    /// What the client prefers by its `Accept`; JSON when it does not say.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let mut wanted = (Self::Json, 0.0);
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                let (media, quality) = Self::range(range);
                // At equal quality the first named stays.
                if let Some(media) = media
                    && quality > wanted.1
                {
                    wanted = (media, quality);
                }
            }
        }
        wanted.0
    }

    fn range(range: &str) -> (Option<Self>, f32) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let media = match name.as_str() {
            Self::GRAPHQL => Some(Self::GraphQlResponse),
            Self::JSON | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        };
        let mut quality = parts.filter_map(|part| part.strip_prefix("q=")?.trim().parse().ok());
        (media, quality.next().unwrap_or(1.0))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The answer to a request that reached GraphQL.
pub(super) fn answer(media: MediaType, kind: Kind, mut answer: Answer) -> Response {
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
    // A resolver may add some.
    response.headers_mut().extend(headers);
    response
}

/// The answer to a request that did not.
pub(super) fn refusal(status: StatusCode, media: MediaType, error: &ServerError) -> Response {
    let written = Written {
        data: None,
        errors: std::slice::from_ref(error),
        extensions: None,
    };
    write(status, media, &written)
}

/// A response as the specification has it: no `data` where nothing ran.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept() {
        use MediaType::{GraphQlResponse, Json};
        for (accept, expected) in [
            ("", Json),
            ("*/*", Json),
            ("text/html,*/*;q=0.1", Json),
            ("application/json", Json),
            ("application/graphql-response+json", GraphQlResponse),
            (
                "Application/GraphQL-Response+JSON; charset=utf-8",
                GraphQlResponse,
            ),
            (
                "application/graphql-response+json, application/json;q=0.9",
                GraphQlResponse,
            ),
            (
                "application/graphql-response+json, application/json",
                GraphQlResponse,
            ),
            ("application/json, application/graphql-response+json", Json),
            (
                "application/json;q=0.5, application/graphql-response+json",
                GraphQlResponse,
            ),
            (
                "application/graphql-response+json;q=0.2, application/json;q=0.3",
                Json,
            ),
            ("application/graphql-response+json;q=0", Json),
            ("application/graphql-response+json;q=x", GraphQlResponse),
            (";;,,q=", Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(MediaType::wanted(&headers), expected, "{accept}");
        }
        assert_eq!(MediaType::wanted(&HeaderMap::new()), Json);
    }
}
