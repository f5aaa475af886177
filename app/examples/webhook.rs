//! A consumer beside the server: sends every change to an HTTP endpoint, at least once, in order.
//!
//! `WEBHOOK_URL=http://127.0.0.1:9000/ cargo run --example webhook`

use std::process::ExitCode;
use std::time::Duration;

use seachange::{Consumer, Delivery, Handler, HandlerError};
use seachange_app::reference_app;

/// How long the endpoint may take for a batch before it is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

struct Webhook {
    client: reqwest::Client,
    url: String,
}

#[async_trait::async_trait]
impl Handler for Webhook {
    async fn handle(&mut self, delivery: &Delivery) -> Result<(), HandlerError> {
        let changes: Vec<_> = delivery.lines().collect();
        let request = self.client.post(&self.url).timeout(PATIENCE);
        // Anything but success comes again. The endpoint knows what it has seen by each change's
        // `cursor`.
        request.json(&changes).send().await?.error_for_status()?;
        Ok(())
    }
}

fn main() -> ExitCode {
    let Ok(url) = std::env::var("WEBHOOK_URL") else {
        eprintln!("error: WEBHOOK_URL is not set");
        return ExitCode::from(2);
    };
    reference_app()
        .consumer(Consumer::new("webhook"), move || Webhook {
            client: reqwest::Client::new(),
            url: url.clone(),
        })
        .run()
}
