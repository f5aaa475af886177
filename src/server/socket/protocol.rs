//! `graphql-transport-ws` without input and output: what each message of a client means, given all earlier
//! ones.
//!
//! Guarantees: an id is in use from its `subscribe` until its last answer is handed to the peer or the peer
//! completes it; answers of an operation that has ended are recognised by its serial, even if the id is in
//! use again. This module knows neither sockets nor tasks nor time.

use std::collections::HashMap;

use async_graphql::Request;
use serde_json::{Map, Value};

use super::close::Close;
use super::message::{self, ClientMessage};

/// Identifies one operation permanently, because ids may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Serial(u64);

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) serial: Serial,
    pub(super) id: String,
}

/// The reaction to a message.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    /// Authenticate the caller; then call [`Protocol::accept`] or close.
    Authenticate(Option<Map<String, Value>>),
    Send(String),
    Start(Operation, Box<Request>),
    Stop(Serial),
    /// There are too many operations, so this one is answered with an error. Its id is not in use.
    Refuse {
        id: String,
    },
    Close(Close),
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Protocol {
    is_acknowledged: bool,
    operations: HashMap<String, Serial>,
    started: u64,
    most: usize,
}

impl Protocol {
    /// Allows at most `most` operations at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            is_acknowledged: false,
            operations: HashMap::new(),
            started: 0,
            most,
        }
    }

    pub(super) fn receive(&mut self, text: &str) -> Action {
        let message = match ClientMessage::parse(text) {
            Ok(message) => message,
            Err(reason) => return Action::Close(Close::invalid_message(&reason.to_string())),
        };
        match message {
            ClientMessage::ConnectionInit(_) if self.is_acknowledged => {
                Action::Close(Close::too_many_initialisations())
            }
            ClientMessage::ConnectionInit(payload) => Action::Authenticate(payload),
            ClientMessage::Ping(payload) => Action::Send(message::pong(payload)),
            ClientMessage::Pong => Action::Nothing,
            ClientMessage::Subscribe { .. } if !self.is_acknowledged => {
                Action::Close(Close::unauthorized())
            }
            ClientMessage::Subscribe { id, body } => self.subscribe(id.into_owned(), body.into()),
            ClientMessage::Complete { id } => match self.operations.remove(id.as_ref()) {
                Some(serial) => Action::Stop(serial),
                // Both sides may complete at the same time.
                None => Action::Nothing,
            },
        }
    }

    fn subscribe(&mut self, id: String, request: Request) -> Action {
        if self.operations.contains_key(&id) {
            return Action::Close(Close::subscriber_exists(&id));
        }
        if self.operations.len() >= self.most {
            return Action::Refuse { id };
        }
        self.started += 1;
        let serial = Serial(self.started);
        self.operations.insert(id.clone(), serial);
        Action::Start(Operation { serial, id }, Box::new(request))
    }

    /// Handles a message that is not text.
    pub(super) fn receive_binary() -> Action {
        Action::Close(Close::invalid_message(
            "binary messages are not part of the protocol",
        ))
    }

    /// Records that the caller is authenticated; returns the answer to the client.
    pub(super) fn accept(&mut self) -> String {
        self.is_acknowledged = true;
        message::CONNECTION_ACK.to_owned()
    }

    /// Whether an answer of this operation may still be sent.
    pub(super) fn is_running(&self, operation: &Operation) -> bool {
        self.operations.get(&operation.id) == Some(&operation.serial)
    }

    /// Records that the last answer of this operation is being sent, which frees its id.
    pub(super) fn finish(&mut self, operation: &Operation) {
        if self.is_running(operation) {
            self.operations.remove(&operation.id);
        }
    }
}

#[cfg(test)]
mod tests;
