//! A GraphQL request as it comes over the wire, and what kind of operation it names.

mod lenient;

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Extensions, Request, Variables};
use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::rejection::Rejection;
use crate::graphql::is_readable;

/// The request object of both protocols: an HTTP body and the payload of `subscribe`.
///
/// async-graphql's own `Request` would take a request without `query` for an empty one.
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

    /// Reads one that no reader of JSON takes: values of pushed rows are the concern of their rows.
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
    // Serde takes an array for a struct's fields in order.
    match body.trim_ascii_start().first() {
        Some(b'[') => Err(Rejection::Batch),
        _ => {
            let read = match std::str::from_utf8(body) {
                Ok(text) => RequestBody::from_text(text),
                // Says where it is no UTF-8.
                Err(_) => serde_json::from_slice(body),
            };
            read.map(Request::from).map_err(Rejection::NotARequest)
        }
    }
}

/// The parameters of a GET. Objects are JSON; an empty parameter is an absent one.
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

/// What a request asks to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
    Subscription,
    /// No valid GraphQL, or no operation of the given name: executing it says which.
    Unknown,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::Query,
        Self::Mutation,
        Self::Subscription,
        Self::Unknown,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
            Self::Unknown => "unknown",
        }
    }

    /// Parses the request, which keeps the result: executing it does not parse again.
    ///
    /// Chooses the operation as async-graphql does when it executes; a difference would let a
    /// mutation pass for a query.
    pub(super) fn of(request: &mut Request) -> Self {
        // The parser must not meet what executing it will refuse.
        if !is_readable(&request.query) {
            return Self::Unknown;
        }
        let name = request.operation_name.clone();
        let Ok(document) = request.parsed_query() else {
            return Self::Unknown;
        };
        let operation = match (&document.operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Single(_), Some(_)) => None,
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.values();
                all.next().filter(|_| all.next().is_none())
            }
        };
        match operation.map(|operation| operation.node.ty) {
            Some(OperationType::Query) => Self::Query,
            Some(OperationType::Mutation) => Self::Mutation,
            Some(OperationType::Subscription) => Self::Subscription,
            None => Self::Unknown,
        }
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

    #[test]
    fn kinds() {
        let two = "query A { a } mutation B { b }";
        for (query, name, kind) in [
            ("{ a }", None, Kind::Query),
            ("query A { a }", None, Kind::Query),
            ("query A { a }", Some("A"), Kind::Query),
            ("{ a }", Some("A"), Kind::Unknown),
            ("mutation { a }", None, Kind::Mutation),
            ("subscription S { a }", None, Kind::Subscription),
            (two, None, Kind::Unknown),
            (two, Some("A"), Kind::Query),
            (two, Some("B"), Kind::Mutation),
            (two, Some("C"), Kind::Unknown),
            ("{", None, Kind::Unknown),
            ("", None, Kind::Unknown),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(Kind::of(&mut request), kind, "{query} {name:?}");
        }
    }

    #[test]
    fn nesting_does_not_overflow_the_stack() {
        for piece in ["{a", "[", "{a(b:[", "{a(b:{c:"] {
            let mut request = Request::new(format!("{{a(b:{}", piece.repeat(100_000)));
            assert_eq!(Kind::of(&mut request), Kind::Unknown, "{piece}");
        }
    }
}
