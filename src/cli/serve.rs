//! `serve`: runs the server until a signal ends it.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use seachange_changelog::TrackedConnection;

use super::interrupt::interrupted;
use crate::app::{App, Settings};
use crate::feed::Feed;

/// The time within which connections must be returned when the process ends.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) async fn command(
    app: &App,
    settings: &Settings,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,sqlx=warn,sea_orm_migration=warn".into()),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    // This comes before the server announces itself, because a reader of the announcement may end it at once.
    let interrupted = interrupted()?;
    let server = match app.start(settings).await {
        Err(error) if error.is_wrong_use() => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(2));
        }
        started => started?,
    };
    let address = server.address;
    println!("listening on http://{address}");
    println!("  live changes   http://{address}/");
    println!("  GraphQL        http://{address}/graphql");
    println!("  subscriptions  ws://{address}/graphql");
    interrupted.await;
    let (db, feed) = (server.db().clone(), server.feed().clone());
    server.stop().await?;
    close(&db, &feed).await;
    Ok(ExitCode::SUCCESS)
}

/// Closes all connections before the process ends. SQLite then leaves a single complete file, which can be
/// copied.
async fn close(db: &TrackedConnection, feed: &Feed) {
    let closing = async {
        feed.close().await?;
        db.reader().clone().close().await?;
        db.writer().clone().close().await
    };
    match tokio::time::timeout(CLOSING, closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the database was not closed"),
        Err(_) => tracing::warn!("a connection was still in use at the end"),
    }
}
