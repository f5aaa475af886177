//! GraphQL over server-sent events.

use std::time::Duration;

use serde_json::Value as Json;

use crate::client::Client;

/// A test fails rather than waits longer for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event of a stream.
#[derive(Debug, Default)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What resumes after it.
    pub id: Option<String>,
    /// Its data; null if that is empty.
    pub data: Json,
}

/// An open response.
pub struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    /// Sends a request that resumes after an event, if one is named.
    pub async fn open(client: &Client, body: &Json, last: Option<&str>) -> anyhow::Result<Self> {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.map(|last| ("last-event-id", last)));
        let response = client.raw(body, &headers).await?;
        let media = response.headers()["content-type"].to_str()?;
        anyhow::ensure!(media.starts_with("text/event-stream"), "{media}");
        Ok(Self {
            response,
            read: String::new(),
        })
    }

    /// The next event; `None` at the end. What has no data line is none, as for `EventSource`.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            if let Some((text, rest)) = self.read.split_once("\n\n") {
                let mut event = Event::default();
                let mut has_data = false;
                for line in text.lines() {
                    match line
                        .split_once(':')
                        .map(|(name, value)| (name, value.trim()))
                    {
                        Some(("event", name)) => event.name = name.to_owned(),
                        Some(("id", id)) => event.id = Some(id.to_owned()),
                        Some(("data", data)) => {
                            has_data = true;
                            if !data.is_empty() {
                                event.data = serde_json::from_str(data)?;
                            }
                        }
                        _ => {}
                    }
                }
                self.read = rest.to_owned();
                if has_data {
                    return Ok(Some(event));
                }
            }
            match tokio::time::timeout(PATIENCE, self.response.chunk()).await?? {
                Some(bytes) => self.read.push_str(std::str::from_utf8(&bytes)?),
                None => return Ok(None),
            }
        }
    }

    /// The next event, which must come.
    pub async fn expect(&mut self) -> anyhow::Result<Event> {
        let event = self.next().await?;
        event.ok_or_else(|| anyhow::anyhow!("the stream has ended"))
    }
}
