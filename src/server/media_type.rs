//! The media types in which a client wants its answer.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// What a client accepts. A handler takes it as an argument, so the header is read once for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accept {
    /// Whether the client wants events: they are its first choice.
    pub(super) is_events: bool,
    /// The media type of a response that is not a stream of events, as every refusal is.
    pub(super) media: MediaType,
}

impl Accept {
    const EVENTS: &str = "text/event-stream";

    fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let ranges = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
        let mut wanted = (MediaType::Json, 0.0);
        let mut is_events = false;
        for (index, range) in ranges.enumerate() {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            is_events |= index == 0 && name == Self::EVENTS;
            let quality = parts
                .find_map(|part| part.strip_prefix("q=")?.trim().parse().ok())
                .unwrap_or(1.0);
            // At equal quality the first one wins.
            if let Some(media) = MediaType::of(&name)
                && quality > wanted.1
            {
                wanted = (media, quality);
            }
        }
        Self {
            is_events,
            media: wanted.0,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Accept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

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

    /// The type that a media range in lower case accepts.
    fn of(range: &str) -> Option<Self> {
        match range {
            Self::GRAPHQL => Some(Self::GraphQlResponse),
            Self::JSON | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_media_type_of_a_response() {
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
            assert_eq!(Accept::of(&headers).media, expected, "{accept}");
        }
        assert_eq!(Accept::of(&HeaderMap::new()).media, Json);
    }

    #[test]
    fn events_are_wanted_only_as_the_first_choice() {
        use MediaType::{GraphQlResponse, Json};
        for (accept, is_events, media) in [
            ("text/event-stream", true, Json),
            ("Text/Event-Stream;q=0.5", true, Json),
            (" text/event-stream , */*", true, Json),
            (
                "text/event-stream, application/graphql-response+json",
                true,
                GraphQlResponse,
            ),
            ("application/json, text/event-stream", false, Json),
            ("*/*", false, Json),
            ("", false, Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            let expected = Accept { is_events, media };
            assert_eq!(Accept::of(&headers), expected, "{accept}");
        }
    }
}
