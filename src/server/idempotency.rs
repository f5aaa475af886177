//! The client's name for one mutation, by which a repetition is known.

use async_graphql::{Extensions, Value};
use axum::http::HeaderMap;

/// The longest key, in bytes: what the change log's column holds on every database.
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
        let cases: [(&[&[u8]], Result<Option<&str>, InvalidKey>); 8] = [
            (&[], Ok(None)),
            (&[b"k-1"], Ok(Some("k-1"))),
            (&[longest.as_bytes()], Ok(Some(&longest))),
            (&[too_long.as_bytes()], Err(InvalidKey)),
            (&[b""], Err(InvalidKey)),
            (&[b"a b"], Err(InvalidKey)),
            (&["schlüssel".as_bytes()], Err(InvalidKey)),
            (&[b"a", b"a"], Err(InvalidKey)),
        ];
        for (values, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_bytes(value).expect("header"));
            }
            let expected = expected.map(|key| key.map(str::to_owned));
            assert_eq!(of_headers(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn extensions() {
        for (value, expected) in [
            (Value::Null, Ok(None)),
            (Value::from("k"), Ok(Some("k".to_owned()))),
            (Value::from(""), Err(InvalidKey)),
            (Value::from(1), Err(InvalidKey)),
        ] {
            let mut extensions = Extensions::default();
            extensions.insert(EXTENSION.to_owned(), value.clone());
            assert_eq!(of_extensions(&extensions), expected, "{value}");
        }
        assert_eq!(of_extensions(&Extensions::default()), Ok(None));
    }
}
