//! A client of `graphql-transport-ws` for tests.

use futures_util::SinkExt;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::*;

pub(super) struct Client {
    pub(super) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

pub(super) async fn connect(
    server: &Running,
    protocol: Option<&str>,
    header: Option<(&'static str, &str)>,
) -> Result<Client, WsError> {
    let url = format!("ws://{}/graphql", server.address);
    let mut request = url.into_client_request()?;
    if let Some(protocol) = protocol {
        let value = protocol.parse().expect("header");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", value);
    }
    if let Some((name, value)) = header {
        request
            .headers_mut()
            .insert(name, value.parse().expect("header"));
    }
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    Ok(Client { socket })
}

/// A connection that is not yet acknowledged.
pub(super) async fn open(server: &Running) -> Client {
    connect(server, Some("graphql-transport-ws"), None)
        .await
        .expect("socket")
}

/// A connection that is acknowledged.
pub(super) async fn ready(server: &Running) -> Client {
    let mut client = open(server).await;
    client.say(r#"{"type":"connection_init"}"#).await;
    assert_eq!(client.hear().await, json!({"type": "connection_ack"}));
    client
}

impl Client {
    pub(super) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        let message = json!({"id": id, "type": "subscribe", "payload": {"query": query}});
        self.say(&message.to_string()).await;
    }

    pub(super) async fn message(&mut self) -> Option<Result<Message, WsError>> {
        let next = self.socket.next();
        tokio::time::timeout(Duration::from_secs(10), next)
            .await
            .expect("in time")
    }

    pub(super) async fn hear(&mut self) -> Json {
        match self.message().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }

    /// Reads on to the close frame.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.message().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
