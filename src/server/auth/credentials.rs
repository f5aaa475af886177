//! What a request has that may say who sends it.

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use serde_json::{Map, Value};

use super::AuthError;

/// What a request has that may say who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    parts: &'a Parts,
    payload: Option<&'a Map<String, Value>>,
}

impl<'a> Credentials<'a> {
    /// Those of a plain HTTP request.
    pub(in crate::server) fn of_request(parts: &'a Parts) -> Self {
        Self {
            parts,
            payload: None,
        }
    }

    /// Those of a socket: its upgrade request, and the payload of `connection_init`.
    pub(in crate::server) fn of_socket(
        parts: &'a Parts,
        payload: Option<&'a Map<String, Value>>,
    ) -> Self {
        Self { parts, payload }
    }

    /// The headers of the request; for a socket, those of its upgrade request.
    pub fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// What the host's middleware has put into the request; for a socket, into its upgrade request.
    pub fn extensions(&self) -> &'a Extensions {
        &self.parts.extensions
    }

    /// The payload of a socket's `connection_init`; `None` for other requests, and if it has none.
    pub fn payload(&self) -> Option<&'a Map<String, Value>> {
        self.payload
    }

    /// The bearer token: in the payload `Authorization` or `headers.Authorization`, in any letter case, and
    /// otherwise in the request's `Authorization` header.
    ///
    /// # Errors
    /// [`AuthError::Missing`] if there is none, [`AuthError::NotBearer`] if there is something else, or more
    /// than one.
    pub fn bearer_token(&self) -> Result<&'a str, AuthError> {
        match self.payload.and_then(of_payload) {
            Some(Value::String(value)) => Ok(bearer(value).unwrap_or(value.trim())),
            Some(_) => Err(AuthError::NotBearer),
            None => of_headers(self.headers()),
        }
    }
}

fn of_headers(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(AuthError::Missing),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(bearer)
            .ok_or(AuthError::NotBearer),
        // Choosing one of the two would be a guess.
        (Some(_), Some(_)) => Err(AuthError::NotBearer),
    }
}

/// `Authorization` or `headers.Authorization`, in any letter case.
fn of_payload(payload: &Map<String, Value>) -> Option<&Value> {
    let own = get(payload, "authorization");
    own.or_else(|| get(get(payload, "headers")?.as_object()?, "authorization"))
        .filter(|value| !value.is_null())
}

fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut found = object
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value)
}

/// The text after `Bearer`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(char::is_whitespace)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
