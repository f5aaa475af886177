//! The client's key for one mutation, by which a repetition is recognised.

use async_graphql::{Extensions, Value};
use axum::http::HeaderMap;

/// The longest key, in bytes: what the change log's column can hold on every database.
const LONGEST: usize = 255;

const HEADER: &str = "idempotency-key";
const EXTENSION: &str = "idempotencyKey";

/// The key is not 1 to 255 visible ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to {LONGEST} visible ASCII characters")]
pub(super) struct InvalidKey;

/// The header `Idempotency-Key` of an HTTP request.
pub(super) fn of_headers(headers: &HeaderMap) -> Result<Option<String>, InvalidKey> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| InvalidKey).and_then(check),
        (Some(_), Some(_)) => Err(InvalidKey),
    }
}

/// `extensions.idempotencyKey` of a request over a socket, which has no headers of its own.
pub(super) fn of_extensions(extensions: &Extensions) -> Result<Option<String>, InvalidKey> {
    match extensions.get(EXTENSION) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => check(key),
        Some(_) => Err(InvalidKey),
    }
}

fn check(key: &str) -> Result<Option<String>, InvalidKey> {
    let fits = (1..=LONGEST).contains(&key.len());
    if fits && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(key.to_owned()))
    } else {
        Err(InvalidKey)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn headers() {
        let longest = "k".repeat(255);
        let too_long = "k".repeat(256);
        let ok = |key: &str| Ok(Some(key.to_owned()));
        for (values, expected) in [
            (vec![], Ok(None)),
            (vec!["k-1"], ok("k-1")),
            (vec![longest.as_str()], ok(&longest)),
            (vec![too_long.as_str()], Err(InvalidKey)),
            (vec![""], Err(InvalidKey)),
            (vec!["a b"], Err(InvalidKey)),
            (vec!["schlüssel"], Err(InvalidKey)),
            (vec!["a", "a"], Err(InvalidKey)),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("header");
                headers.append(HEADER, value);
            }
            assert_eq!(of_headers(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn extensions() {
        for (value, expected) in [
            (Value::Null, Ok(None)),
            (Value::from("k"), Ok(Some("k".to_owned()))),
            (Value::from(""), Err(InvalidKey)),
            (Value::from("k\u{0}"), Err(InvalidKey)),
            (Value::from(1), Err(InvalidKey)),
        ] {
            let mut extensions = Extensions::default();
            extensions.insert(EXTENSION.to_owned(), value.clone());
            assert_eq!(of_extensions(&extensions), expected, "{value}");
        }
        assert_eq!(of_extensions(&Extensions::default()), Ok(None));
    }
}
