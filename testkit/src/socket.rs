//! GraphQL over a WebSocket (`graphql-transport-ws`), as a client sees it.

use std::time::Duration;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::answer::check_errors;

/// A test fails rather than waits longer for a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a socket receives, pings aside.
enum Received {
    Text(Utf8Bytes),
    Close(Option<CloseFrame>),
}

/// A socket.
pub struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u32,
}

impl Socket {
    /// Connects without initialising.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        Self::connect_offering(url, Some("graphql-transport-ws")).await
    }

    /// Connects and offers a sub-protocol, or none.
    pub async fn connect_offering(url: &str, protocol: Option<&str>) -> anyhow::Result<Self> {
        let protocol = protocol.map(|protocol| ("sec-websocket-protocol", protocol));
        Self::connect_with(url, &Vec::from_iter(protocol)).await
    }

    /// Connects with headers, without initialising.
    pub async fn connect_with(url: &str, headers: &[(&'static str, &str)]) -> anyhow::Result<Self> {
        let url = format!("{}/graphql", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let (inner, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self { inner, next_id: 1 })
    }

    /// Connects and initialises without a token.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(url, json!({})).await
    }

    /// Connects and initialises with a payload.
    pub async fn open_with(url: &str, payload: Json) -> anyhow::Result<Self> {
        let mut socket = Self::connect(url).await?;
        socket.initialise(payload).await?;
        Ok(socket)
    }

    /// Initialises with a payload.
    pub async fn initialise(&mut self, payload: Json) -> anyhow::Result<()> {
        self.send(&json!({ "type": "connection_init", "payload": payload }))
            .await?;
        let ack = self.message().await?;
        anyhow::ensure!(ack["type"] == "connection_ack", "not acknowledged: {ack}");
        Ok(())
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Json) -> anyhow::Result<()> {
        self.send_frame(Message::text(message.to_string())).await
    }

    /// Sends a frame, whatever is in it.
    pub async fn send_frame(&mut self, frame: Message) -> anyhow::Result<()> {
        Ok(self.inner.send(frame).await?)
    }

    /// The next message; a close is an error that names its code.
    pub async fn message(&mut self) -> anyhow::Result<Json> {
        Ok(serde_json::from_str(&self.text().await?)?)
    }

    /// The text of the next message.
    pub async fn text(&mut self) -> anyhow::Result<Utf8Bytes> {
        match self.text_or_close().await? {
            Received::Text(text) => Ok(text),
            Received::Close(frame) => anyhow::bail!("closed: {frame:?}"),
        }
    }

    /// Waits for the close and tells its code.
    pub async fn closed(&mut self) -> anyhow::Result<u16> {
        loop {
            match self.text_or_close().await? {
                Received::Text(_) => {}
                Received::Close(Some(CloseFrame { code, .. })) => return Ok(code.into()),
                Received::Close(None) => anyhow::bail!("closed without a code"),
            }
        }
    }

    /// The next text or close. The server's pings do not prolong the wait.
    async fn text_or_close(&mut self) -> anyhow::Result<Received> {
        let received = async {
            loop {
                let message = self.inner.next().await;
                match message.context("the socket has ended without a close")?? {
                    Message::Text(text) => return anyhow::Ok(Received::Text(text)),
                    Message::Close(frame) => return Ok(Received::Close(frame)),
                    _ => {}
                }
            }
        };
        let received = tokio::time::timeout(PATIENCE, received).await;
        received.context("no message within the time")?
    }

    /// Starts an operation; the id comes back.
    pub async fn subscribe(&mut self, query: &str, variables: Json) -> anyhow::Result<String> {
        self.start(json!({ "query": query, "variables": variables }))
            .await
    }

    /// Starts an operation by its whole payload; the id comes back.
    pub async fn start(&mut self, payload: Json) -> anyhow::Result<String> {
        let id = self.next_id.to_string();
        self.next_id += 1;
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await?;
        Ok(id)
    }

    /// The data of the next result.
    pub async fn next(&mut self) -> anyhow::Result<Json> {
        let message = self.message().await?;
        anyhow::ensure!(message["type"] == "next", "not a result: {message}");
        let payload = &message["payload"];
        anyhow::ensure!(payload.get("errors").is_none(), "errors: {payload}");
        Ok(payload["data"].clone())
    }

    /// Runs a query or mutation to its end: one result, `complete`.
    pub async fn run(&mut self, payload: Json) -> anyhow::Result<Json> {
        let id = self.start(payload).await?;
        let result = self.message().await?;
        anyhow::ensure!(
            result["type"] == "next" && result["id"] == *id,
            "no result: {result}"
        );
        let end = self.message().await?;
        anyhow::ensure!(
            end == json!({ "id": id, "type": "complete" }),
            "no end: {end}"
        );
        check_errors(&result["payload"]["errors"])?;
        Ok(result["payload"].clone())
    }

    /// The code of an operation that is refused before it begins: `error`, and nothing else for it.
    pub async fn refused(&mut self, query: &str, variables: Json) -> anyhow::Result<String> {
        let id = self.subscribe(query, variables).await?;
        let message = self.message().await?;
        anyhow::ensure!(
            message["type"] == "error" && message["id"] == *id,
            "not refused: {message}"
        );
        check_errors(&message["payload"])?;
        // What is said next is about the ping: no `complete` follows an `error`.
        self.send(&json!({ "type": "ping" })).await?;
        let pong = self.message().await?;
        anyhow::ensure!(pong["type"] == "pong", "more than an error: {pong}");
        let code = message["payload"][0]["extensions"]["code"].as_str();
        Ok(code.unwrap_or_default().to_owned())
    }
}
