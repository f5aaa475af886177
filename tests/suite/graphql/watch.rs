//! A running `changes` subscription, read up to a mark so that nobody has to wait a while to be
//! sure that nothing more comes.

use std::sync::atomic::{AtomicBool, Ordering};

use seachange_testkit::{Client, Socket, TestServer};
use serde_json::{Value as Json, json};

use super::given;

/// Every field of a change.
pub const CHANGE: &str = "cursor entity key operation before after changedFields actor mutationId \
                          metadata transactionId source recordedAt";

/// A subscriber.
pub struct Watch {
    socket: Socket,
    client: Client,
    /// Of its marks: labels have unique names.
    name: uuid::Uuid,
    marks: u32,
}

/// The position now.
pub async fn head(client: &Client) -> anyhow::Result<String> {
    let data = client.data("{ changesHead }", json!({})).await?;
    given::text(&data["changesHead"])
}

impl Watch {
    /// Subscribes to everything from now on.
    pub async fn start(server: &TestServer) -> anyhow::Result<Self> {
        let client = server.client();
        let after = head(&client).await?;
        let socket = server.socket().await?;
        Self::on(socket, client, json!({ "after": after })).await
    }

    /// Subscribes with these arguments on this socket; `client` makes the marks.
    pub async fn on(mut socket: Socket, client: Client, arguments: Json) -> anyhow::Result<Self> {
        let query = format!(
            "subscription($after: String, $entities: [String!], $operations: [ChangeOperation!]) {{ \
             changes(after: $after, entities: $entities, operations: $operations) {{ {CHANGE} }} }}"
        );
        socket.subscribe(&query, arguments).await?;
        Ok(Self {
            socket,
            client,
            name: uuid::Uuid::new_v4(),
            marks: 0,
        })
    }

    /// The next change.
    pub async fn next(&mut self) -> anyhow::Result<Json> {
        Ok(self.socket.next().await?["changes"].take())
    }

    /// The next so many changes.
    pub async fn take(&mut self, count: usize) -> anyhow::Result<Vec<Json>> {
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(self.next().await?);
        }
        Ok(changes)
    }

    /// Everything that was committed before this call and has not been read yet.
    pub async fn read(&mut self) -> anyhow::Result<Vec<Json>> {
        self.marks += 1;
        let mark = format!("mark {} of {}", self.marks, self.name);
        given::LABELS
            .create(&self.client, json!({ "name": mark }))
            .await?;
        let mut changes = Vec::new();
        loop {
            let change = self.next().await?;
            if change["after"]["name"] == *mark {
                return Ok(changes);
            }
            changes.push(change);
        }
    }

    /// Makes marks until one arrives: from then on a subscription without a cursor is known to run.
    pub async fn wait_until_it_runs(&mut self) -> anyhow::Result<()> {
        let (client, watch, runs) = (self.client.clone(), self.name, AtomicBool::new(false));
        let reading = async {
            let first = self.next().await;
            runs.store(true, Ordering::Relaxed);
            first
        };
        let writing = async {
            for mark in 0.. {
                if runs.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("early mark {mark} of {watch}");
                given::LABELS
                    .create(&client, json!({ "name": name }))
                    .await?;
            }
            anyhow::Ok(())
        };
        let (read, written) = tokio::join!(reading, writing);
        read.and(written)
    }

    /// As [`read`](Self::read), where exactly one is expected.
    pub async fn only(&mut self) -> anyhow::Result<Json> {
        let mut changes = self.read().await?;
        anyhow::ensure!(changes.len() == 1, "not one change: {changes:?}");
        Ok(changes.remove(0))
    }
}
