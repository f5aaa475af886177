//! `graphql-transport-ws` without input and output: what each message of a client means, given all
//! before it.
//!
//! Guarantees: an id is in use from its `subscribe` until its last answer is handed to the peer or
//! the peer completes it; answers of an operation that is over are recognised by its serial, also
//! when the id is in use again. Knows nothing of sockets, tasks or time.

use std::collections::HashMap;

use async_graphql::Request;
use serde_json::{Map, Value};

use super::close::Close;
use super::message::{self, ClientMessage};

/// Names one operation for good; ids may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Serial(u64);

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) serial: Serial,
    pub(super) id: String,
}

/// What is to be done about a message.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    /// Ask who it is; then [`Protocol::accept`] or close.
    Authenticate(Option<Map<String, Value>>),
    Send(String),
    Start(Operation, Box<Request>),
    Stop(Serial),
    /// Too many operations: this one is answered by an error. Its id is not in use.
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
    /// At most `most` operations at a time.
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

    /// A message that is not text.
    pub(super) fn receive_binary() -> Action {
        Action::Close(Close::invalid_message(
            "binary messages are not part of the protocol",
        ))
    }

    /// The caller is known; returns what to tell the client.
    pub(super) fn accept(&mut self) -> String {
        self.is_acknowledged = true;
        message::CONNECTION_ACK.to_owned()
    }

    /// Whether an answer of this operation may still go out.
    pub(super) fn is_running(&self, operation: &Operation) -> bool {
        self.operations.get(&operation.id) == Some(&operation.serial)
    }

    /// The last answer of this operation goes out: its id is free.
    pub(super) fn finish(&mut self, operation: &Operation) {
        if self.is_running(operation) {
            self.operations.remove(&operation.id);
        }
    }
}

#[cfg(test)]
mod tests;
