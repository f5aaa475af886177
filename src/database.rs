//! Connecting: pools, and what every SQLite connection needs.

use std::time::Duration;

use sea_orm::sqlx::{self, Executor};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqlxError,
};
use seachange_changelog::{TrackedConnection, limit_statements};
use url::Url;

use crate::feed::SNAPSHOTS;

/// How long a query waits for a connection, or a write on SQLite for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of URLs that SeaORM knows a driver for.
const SCHEMES: [&str; 4] = ["sqlite", "postgres", "postgresql", "mysql"];

/// Rows that a SQLite connection's thread reads ahead of whom they are for: most answers are shorter, and
/// cost no waiting for one another.
const ROWS: usize = 1_000;

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
pub(crate) struct Connections {
    /// For the application: reads, and writes that are recorded.
    pub(crate) tracked: TrackedConnection,
    /// For the feed: its own, so that writers who hold all others cannot hold it up.
    pub(crate) feed: DatabaseConnection,
}

/// Connects an application without a server.
///
/// # Errors
/// `DbErr::Conn` if the database cannot be reached or the URL names none that is supported.
pub async fn connect(settings: &DatabaseSettings) -> Result<TrackedConnection, DbErr> {
    let connections = settings.connections.max(1);
    let url = &settings.url;
    check(url)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(DbErr::Custom(
            "an in-memory SQLite database cannot be read while it is written; name a file"
                .to_owned(),
        ));
    }
    if DbBackend::Sqlite.is_prefix_of(url) {
        // One connection writes and others read, so that a slow writer holds up no reader.
        let writer = pool(url, 1).await?;
        return Ok(TrackedConnection::new(writer).with_reader(pool(url, connections).await?));
    }
    Ok(TrackedConnection::new(pool(url, connections).await?))
}

/// Connects an application and its feed.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_all(settings: &DatabaseSettings) -> Result<Connections, DbErr> {
    // As many again as snapshots: to look for new changes, and for subscribers that are behind. And
    // one that listens.
    let connections = u32::try_from(2 * SNAPSHOTS + 1).unwrap_or(u32::MAX);
    Ok(Connections {
        tracked: connect(settings).await?,
        feed: pool(&settings.url, connections).await?,
    })
}

/// Connections for what requests read outside transactions, on which no statement runs longer than a request
/// may; `None` where the database does not see to that. They open as they are needed. What writes, and what
/// consumers and commands read, has no such bound.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_requests(
    settings: &DatabaseSettings,
    most: Duration,
) -> Result<Option<DatabaseConnection>, DbErr> {
    let DatabaseSettings { url, connections } = settings;
    check(url)?;
    let backends = [DbBackend::Postgres, DbBackend::MySql];
    let Some(backend) = backends
        .into_iter()
        .find(|backend| backend.is_prefix_of(url))
    else {
        return Ok(None);
    };
    let Some(limit) = limit_statements(backend, most) else {
        return Ok(None);
    };
    let mut options = options(url, (*connections).max(1));
    let mysql = limit.clone();
    options
        .map_sqlx_postgres_pool_opts(move |pool| {
            let limit = limit.clone();
            pool.after_connect(move |connection, _| {
                let limit = sqlx::AssertSqlSafe(limit.clone());
                Box::pin(async move { connection.execute(limit).await.map(drop) })
            })
        })
        .map_sqlx_mysql_pool_opts(move |pool| {
            let limit = mysql.clone();
            pool.after_connect(move |connection, _| {
                let limit = sqlx::AssertSqlSafe(limit.clone());
                Box::pin(async move { connection.execute(limit).await.map(drop) })
            })
        });
    open(options).await.map(Some)
}

/// SeaORM panics at what is no URL. The text is not told: it may hold a password.
fn check(url: &str) -> Result<(), DbErr> {
    let fault = match Url::parse(url) {
        Ok(url) if SCHEMES.contains(&url.scheme()) => return Ok(()),
        Ok(url) => format!("there is no database for `{}`", url.scheme()),
        Err(error) => format!("it is no URL ({error})"),
    };
    Err(DbErr::Conn(RuntimeErr::Internal(format!(
        "the database's address: {fault}; begin it with sqlite://, postgres:// or mysql://"
    ))))
}

async fn pool(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    open(options(url, connections)).await
}

fn options(url: &str, connections: u32) -> ConnectOptions {
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
                .row_buffer_size(ROWS)
                // WAL lets readers read while one writes.
                .pragma("journal_mode", "WAL")
                // Safe in WAL mode but for a power cut, after which the last commits may be gone
                // and nothing is torn.
                .pragma("synchronous", "NORMAL")
        });
    options
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let url = options.get_url().to_owned();
    let opened = Database::connect(options).await;
    opened.map_err(|error| explained(error, &url))
}

/// An error of connecting, with what it may mean where the driver's words do not say. The URL is not told
/// whole: it may hold a password.
fn explained(error: DbErr, url: &str) -> DbErr {
    let DbErr::Conn(RuntimeErr::SqlxError(source)) = &error else {
        return error;
    };
    let told = match &**source {
        SqlxError::PoolTimedOut => {
            let url = Url::parse(url).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or("localhost");
            let port = url.as_ref().and_then(Url::port);
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            format!("no database answered at {host}{port} within {PATIENCE:?}")
        }
        source if DbBackend::Sqlite.is_prefix_of(url) && !url.contains("mode=rwc") => {
            format!("{source}; `?mode=rwc` after its name makes a file that is not there")
        }
        _ => return error,
    };
    DbErr::Conn(RuntimeErr::Internal(told))
}
