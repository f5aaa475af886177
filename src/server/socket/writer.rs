//! The writing half of a socket: chooses what is sent next, in batches, within bounds.

use std::collections::VecDeque;
use std::future::poll_fn;

use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::mpsc::Receiver;

use super::operation::Outgoing;

/// Messages written before the socket is flushed even if more are waiting.
const BATCH: usize = 64;

/// The replies that may wait for a peer that does not read, in messages and bytes. Beyond these bounds
/// nothing more is read from it, because replies arise only from its own messages.
const REPLIES: usize = 64;
const REPLY_BYTES: usize = 256 * 1024;

/// Answers to the protocol's own messages. They are sent before those of operations.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: VecDeque<Message>,
    bytes: usize,
}

impl Replies {
    pub(super) fn push(&mut self, message: Message) {
        self.bytes += size(&message);
        self.waiting.push_back(message);
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        self.bytes -= size(&message);
        Some(message)
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < REPLIES && self.bytes < REPLY_BYTES
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// The sink, and the number of messages written since it was last flushed.
pub(super) struct Writer {
    sink: SplitSink<WebSocket, Message>,
    unflushed: usize,
}

/// The next step of the writer.
pub(super) enum Turn {
    /// Send the first reply.
    Reply,
    /// Send this answer next, if its operation still runs.
    Answer(Box<Outgoing>),
    /// Nothing is left: everything has been sent.
    Flushed,
}

impl Writer {
    pub(super) fn new(sink: SplitSink<WebSocket, Message>) -> Self {
        Self { sink, unflushed: 0 }
    }

    /// Writes `current`; waits until the socket accepts a message and there is another one, or until it is
    /// flushed. It is cancel-safe: nothing is taken from anywhere without being written or returned.
    pub(super) async fn turn(
        &mut self,
        replies: &Replies,
        current: &mut Option<Box<Outgoing>>,
        answers: &mut Receiver<Box<Outgoing>>,
    ) -> Result<Turn, axum::Error> {
        loop {
            poll_fn(|context| self.sink.poll_ready_unpin(context)).await?;
            if self.unflushed >= BATCH {
                return self.flush().await;
            }
            if !replies.waiting.is_empty() {
                return Ok(Turn::Reply);
            }
            // The text is written here and not by the caller, because a turn costs more than a message.
            match current.as_mut().and_then(|answer| answer.next_text()) {
                Some(text) => self.write(Message::Text(text))?,
                None => break,
            }
        }
        *current = None;
        if self.unflushed > 0 {
            return match answers.try_recv() {
                Ok(answer) => Ok(Turn::Answer(answer)),
                Err(_) => self.flush().await,
            };
        }
        match answers.recv().await {
            Some(answer) => Ok(Turn::Answer(answer)),
            // The socket itself holds a sender.
            None => std::future::pending().await,
        }
    }

    async fn flush(&mut self) -> Result<Turn, axum::Error> {
        self.sink.flush().await?;
        self.unflushed = 0;
        Ok(Turn::Flushed)
    }

    /// Passes a message to the sink, directly after a [`turn`](Self::turn) that allowed it.
    pub(super) fn write(&mut self, message: Message) -> Result<(), axum::Error> {
        self.unflushed += 1;
        self.sink.start_send_unpin(message)
    }

    /// Passes the first reply to the sink.
    pub(super) fn write_reply(&mut self, replies: &mut Replies) -> Result<(), axum::Error> {
        replies.pop().map_or(Ok(()), |reply| self.write(reply))
    }

    /// Writes the last message and everything before it.
    pub(super) async fn finish(&mut self, close: Message) -> Result<(), axum::Error> {
        self.sink.send(close).await
    }
}
