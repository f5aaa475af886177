//! A GraphQL response as an HTTP response: GraphQL over HTTP's rules of status and media type.

use async_graphql::{Response as Answer, ServerError, Value};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::metrics::code_of;
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
pub(super) fn answer(media: MediaType, answer: Answer) -> Response {
    let unauthenticated = Some(ErrorCode::Unauthenticated.as_str());
    let status = match media {
        _ if answer.errors.iter().any(|error| code_of(error) == unauthenticated) => {
            StatusCode::UNAUTHORIZED
        }
        MediaType::GraphQlResponse if has_not_run(&answer) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    write(status, media, answer)
}

/// Whether execution never began, so that there is no `data` to speak of.
fn has_not_run(answer: &Answer) -> bool {
    let at_no_field = |error: &ServerError| error.path.is_empty();
    answer.data == Value::Null && !answer.is_ok() && answer.errors.iter().all(at_no_field)
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a std::collections::BTreeMap<String, Value>>,
}

/// The response with exactly this status.
pub(super) fn write(status: StatusCode, media: MediaType, mut answer: Answer) -> Response {
    let headers = std::mem::take(&mut answer.http_headers);
    let written = Written {
        data: (!has_not_run(&answer)).then_some(&answer.data),
        errors: &answer.errors,
        extensions: (!answer.extensions.is_empty()).then_some(&answer.extensions),
    };
    let (status, body) = match serde_json::to_vec(&written) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "a response does not serialise");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A resolver may add some.
    own.extend(headers);
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
            ("Application/GraphQL-Response+JSON; charset=utf-8", GraphQlResponse),
            ("application/graphql-response+json, application/json;q=0.9", GraphQlResponse),
            ("application/graphql-response+json, application/json", GraphQlResponse),
            ("application/json, application/graphql-response+json", Json),
            ("application/json;q=0.5, application/graphql-response+json", GraphQlResponse),
            ("application/graphql-response+json;q=0.2, application/json;q=0.3", Json),
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
