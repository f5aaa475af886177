//! The messages of `graphql-transport-ws`: those of clients, which are read strictly, and those of the
//! server, which are written once into the bytes that are sent.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::server::request::RequestBody;

/// The longest id. The protocol has no bound, but an id is kept for as long as its operation runs and
/// repeated in every answer.
const ID_BYTES: usize = 4096;

/// A message of a client.
#[derive(Debug)]
pub(super) enum ClientMessage<'a> {
    ConnectionInit(Option<Map<String, Value>>),
    /// A ping with its payload, which is returned unchanged.
    Ping(Option<&'a RawValue>),
    Pong,
    Subscribe {
        id: Cow<'a, str>,
        body: RequestBody,
    },
    Complete {
        id: Cow<'a, str>,
    },
}

/// The reason why a text is not a message of the protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("not an object")]
    NotAnObject,
    #[error("unknown type {0:?}")]
    UnknownType(String),
    #[error("{0} needs an id, a string of 1 to {ID_BYTES} bytes")]
    Id(&'static str),
    #[error("the payload of {0} is an object")]
    Payload(&'static str),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

impl<'a> ClientMessage<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Malformed> {
        // Serde accepts an array as a struct's fields in order.
        if text.trim_ascii_start().starts_with('[') {
            return Err(Malformed::NotAnObject);
        }
        let Envelope { kind, id, payload } = serde_json::from_str(text)?;
        match kind.as_ref() {
            "connection_init" => Ok(Self::ConnectionInit(
                object(payload, "connection_init")?
                    .map(|payload| serde_json::from_str(payload.get()))
                    .transpose()?,
            )),
            "ping" => Ok(Self::Ping(object(payload, "ping")?)),
            "pong" => object(payload, "pong").map(|_| Self::Pong),
            "subscribe" => {
                let id = identifier(id, "subscribe")?;
                let payload =
                    object(payload, "subscribe")?.ok_or(Malformed::Payload("subscribe"))?;
                let body = RequestBody::from_text(payload.get())?;
                Ok(Self::Subscribe { id, body })
            }
            "complete" => Ok(Self::Complete {
                id: identifier(id, "complete")?,
            }),
            other => Err(Malformed::UnknownType(other.to_owned())),
        }
    }
}

fn identifier<'a>(id: Option<Cow<'a, str>>, kind: &'static str) -> Result<Cow<'a, str>, Malformed> {
    id.filter(|id| (1..=ID_BYTES).contains(&id.len()))
        .ok_or(Malformed::Id(kind))
}

fn object<'a>(
    payload: Option<&'a RawValue>,
    kind: &'static str,
) -> Result<Option<&'a RawValue>, Malformed> {
    match payload {
        Some(payload) if !payload.get().starts_with('{') => Err(Malformed::Payload(kind)),
        payload => Ok(payload),
    }
}

/// The answer to an accepted `connection_init`.
pub(super) const CONNECTION_ACK: &str = r#"{"type":"connection_ack"}"#;

/// The answer to a `ping`.
pub(super) fn pong(payload: Option<&RawValue>) -> String {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// The unchanging start of an operation's `next` messages, made once.
#[derive(Debug)]
pub(super) struct Next {
    start: String,
}

impl Next {
    pub(super) fn new(id: &str) -> Self {
        let id = Value::from(id);
        Self {
            start: format!(r#"{{"id":{id},"type":"next","payload":"#),
        }
    }

    pub(super) fn write(&self, response: &Response) -> Result<String, serde_json::Error> {
        complete_with(self.start.as_bytes().to_vec(), response)
    }

    /// A `next` message around a response that is already JSON.
    pub(super) fn around(&self, json: &str) -> String {
        let mut text = String::with_capacity(self.start.len() + json.len() + 1);
        text.push_str(&self.start);
        text.push_str(json);
        text.push('}');
        text
    }
}

/// `error`: the operation ends before it has yielded anything.
pub(super) fn error(id: &str, errors: &[ServerError]) -> Result<String, serde_json::Error> {
    let id = Value::from(id);
    let start = format!(r#"{{"id":{id},"type":"error","payload":"#);
    complete_with(start.into_bytes(), errors)
}

/// `complete`: the operation has ended.
pub(super) fn complete(id: &str) -> String {
    let id = Value::from(id);
    format!(r#"{{"id":{id},"type":"complete"}}"#)
}

fn complete_with(
    mut start: Vec<u8>,
    payload: &(impl Serialize + ?Sized),
) -> Result<String, serde_json::Error> {
    serde_json::to_writer(&mut start, payload)?;
    start.push(b'}');
    String::from_utf8(start).map_err(serde::ser::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_writes_is_json_whatever_the_id() {
        for id in ["1", "ä\"\\\n\u{0}", "🦀"] {
            let response = Response::new(async_graphql::Value::from(1));
            let errors = [ServerError::new("no", None)];
            for (text, kind) in [
                (Next::new(id).write(&response).expect("next"), "next"),
                (Next::new(id).around("{}"), "next"),
                (error(id, &errors).expect("error"), "error"),
                (complete(id), "complete"),
            ] {
                let json: Value = serde_json::from_str(&text).expect(&text);
                assert_eq!(json["id"], id);
                assert_eq!(json["type"], kind);
            }
        }
    }
}
