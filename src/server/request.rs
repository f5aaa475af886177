//! A GraphQL request as clients send it.

mod lenient;

use async_graphql::{Extensions, Request, Variables};
use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::rejection::Rejection;

/// The request object of both protocols: an HTTP body and the payload of `subscribe`.
///
/// async-graphql's own `Request` would treat a request without `query` as an empty one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestBody {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    extensions: Extensions,
}

impl RequestBody {
    /// Reads a request.
    pub(super) fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).or_else(|error| Self::again(text, error))
    }

    /// Reads a request that is not valid JSON: values of pushed rows are judged row by row.
    fn again(text: &str, error: serde_json::Error) -> Result<Self, serde_json::Error> {
        match lenient::marked(text) {
            Some(marked) => serde_json::from_str(&marked),
            None => Err(error),
        }
    }
}

impl From<RequestBody> for Request {
    fn from(body: RequestBody) -> Self {
        let mut request = Self::new(body.query).variables(body.variables);
        request.operation_name = body.operation_name;
        request.extensions = body.extensions;
        request
    }
}

/// Reads the body of a POST.
pub(super) fn from_json(body: &[u8]) -> Result<Request, Rejection> {
    // Serde accepts an array as a struct's fields in order.
    match body.trim_ascii_start().first() {
        Some(b'[') => Err(Rejection::Batch),
        _ => {
            let read = match std::str::from_utf8(body) {
                Ok(text) => RequestBody::from_text(text),
                // This reports where the text is not UTF-8.
                Err(_) => serde_json::from_slice(body),
            };
            read.map(Request::from).map_err(Rejection::NotARequest)
        }
    }
}

/// The parameters of a GET. Objects are JSON; an empty parameter counts as absent.
///
/// Async-graphql's own reader does not know `operationName`, only `operation_name`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(default)]
    query: String,
    #[serde(default)]
    operation_name: String,
    #[serde(default)]
    variables: String,
    #[serde(default)]
    extensions: String,
}

/// Reads the query string of a GET.
pub(super) fn from_query_string(uri: &Uri) -> Result<Request, Rejection> {
    let Query(parameters) =
        Query::<Parameters>::try_from_uri(uri).map_err(Rejection::BadQueryString)?;
    if parameters.query.is_empty() {
        return Err(Rejection::NoQuery);
    }
    Ok(Request::from(RequestBody {
        query: parameters.query,
        operation_name: Some(parameters.operation_name).filter(|name| !name.is_empty()),
        variables: object(&parameters.variables)?,
        extensions: object(&parameters.extensions)?,
    }))
}

fn object<T: Default + DeserializeOwned>(text: &str) -> Result<T, Rejection> {
    match text {
        "" => Ok(T::default()),
        text => serde_json::from_str(text).map_err(Rejection::BadParameter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let good = [
            r#"{"query":"{a}"}"#,
            r#" {"query":"{a}","variables":null,"operationName":null,"extensions":null,"id":1}"#,
            r#"{"query":"{a}","variables":{"b":1},"extensions":{"c":{}}}"#,
            r#"{"query":""}"#,
        ];
        for body in good {
            from_json(body.as_bytes()).expect(body);
        }
        let bad = [
            "",
            "{",
            "null",
            "3",
            "\"{a}\"",
            "{}",
            r#"{"query":null}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"["{a}"]"#,
            r#"[{"query":"{a}"}]"#,
            r#"{"query":"{a}"} x"#,
            "\u{feff}{}",
        ];
        for body in bad {
            from_json(body.as_bytes()).expect_err(body);
        }
        from_json(b"{\"query\":\"\xff\"}").expect_err("not UTF-8");
        let deep = format!(
            "{{\"query\":\"{{a}}\",\"variables\":{{\"a\":{}",
            "[".repeat(100_000)
        );
        from_json(deep.as_bytes()).expect_err("deep");
    }
}
