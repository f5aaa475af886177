//! The media type in which a client wants its response.

use axum::http::{HeaderMap, header};

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

    /// The type that the client prefers by its `Accept`; JSON if it has no preference.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let mut wanted = (Self::Json, 0.0);
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                let (media, quality) = Self::range(range);
                // At equal quality the first one wins.
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
