//! Connecting: pools, and what every SQLite connection needs.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr};
use seachange_changelog::TrackedConnection;

/// How long a query waits for a connection, or a write on SQLite for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which database, and how many connections to it.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://…`, `postgres://…` or `mysql://…`.
    pub url: String,
    /// Connections in the pool; on SQLite, connections that read, beside the one that writes.
    pub connections: u32,
}

/// Connections to one database.
#[derive(Clone, Debug)]
pub struct Connections {
    /// For the application: reads, and writes that are recorded.
    pub tracked: TrackedConnection,
    /// For the feed: its own, so that writers who hold all others cannot hold it up.
    pub feed: DatabaseConnection,
}

/// Connections of the feed: one to look for new changes, the rest for subscribers that are behind.
const FEED_CONNECTIONS: u32 = 4;

/// Connects.
///
/// # Errors
/// `DbErr::Conn` if the database cannot be reached or the URL names none that is supported.
pub async fn connect(settings: &DatabaseSettings) -> Result<Connections, DbErr> {
    let connections = settings.connections.max(1);
    let url = &settings.url;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(DbErr::Custom(
            "an in-memory SQLite database cannot be read while it is written; name a file"
                .to_owned(),
        ));
    }
    let tracked = if DbBackend::Sqlite.is_prefix_of(url) {
        // One connection writes and others read, so that a slow writer holds up no reader.
        let writer = pool(url, 1).await?;
        TrackedConnection::new(writer).with_reader(pool(url, connections).await?)
    } else {
        TrackedConnection::new(pool(url, connections).await?)
    };
    let feed = pool(url, FEED_CONNECTIONS).await?;
    Ok(Connections { tracked, feed })
}

async fn pool(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .foreign_keys(true)
                .busy_timeout(PATIENCE)
                // WAL lets readers read while one writes.
                .pragma("journal_mode", "WAL")
                // Safe in WAL mode but for a power cut, after which the last commits may be gone
                // and nothing is torn.
                .pragma("synchronous", "NORMAL")
        });
    Database::connect(options).await
}
