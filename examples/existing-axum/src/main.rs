//! Runs the application: `cargo run -p example-existing-axum`.

use example_existing_axum::application;
use seachange::{Connections, DatabaseSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = DatabaseSettings::new("sqlite://existing.db?mode=rwc");
    let (router, live) = application(Connections::open(settings).await?).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            // An error means that this program cannot be asked to end in this way.
            let _ = tokio::signal::ctrl_c().await;
            live.stop().await;
        })
        .await?;
    Ok(())
}
