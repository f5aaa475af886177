//! Connecting: the pools, and what every connection is set up with.

mod write_probe;

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, SqlxError};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal::{self, Dialect, Driver, of_url};
use url::Url;

pub(crate) use self::write_probe::WriteProbe;
use crate::feed::SNAPSHOTS;

/// How long a query waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a write waits for a lock, unless set.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Which database, and how many connections to it.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://…`, `postgres://…` or `mysql://…`; each takes the feature of that name.
    pub url: String,
    /// Connections in the pool. On SQLite these only read; one more connection writes.
    pub connections: u32,
    /// How long a statement waits for a row that another transaction holds, and how long a write on SQLite
    /// waits for its turn. MariaDB counts whole seconds, at least one. On PostgreSQL a statement can wait
    /// twice, for its turn at the row and then for the row: each of these waits ends after half of the time.
    pub lock_wait: Duration,
}

impl DatabaseSettings {
    /// Ten connections and five seconds of waiting for a lock.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 10,
            lock_wait: LOCK_WAIT,
        }
    }
}

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    /// For the application: reads, and writes that are recorded.
    pub(crate) tracked: TrackedConnection,
    /// For the feed alone, so that writers that hold all other connections cannot hold it up.
    pub(crate) feed: DatabaseConnection,
}

/// Connects an application without a server.
///
/// # Errors
/// `DbErr::Conn` if the database cannot be reached or the URL does not name a supported one;
/// `DbErr::BackendNotSupported` if this program was built without the database's feature.
pub async fn connect(settings: &DatabaseSettings) -> Result<TrackedConnection, DbErr> {
    let connections = settings.connections.max(1);
    let url = &settings.url;
    check(url)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        let text = "an in-memory SQLite database cannot be read while it is written; name a file";
        return Err(DbErr::Conn(RuntimeErr::Internal(text.to_owned())));
    }
    let wait = settings.lock_wait;
    if is_file(url) {
        // One connection writes and others read, so that a slow writer holds up no reader.
        let writer = pool(url, 1, wait, wait).await?;
        let reader = pool(url, connections, PATIENCE, wait).await?;
        return Ok(TrackedConnection::new(writer)
            .with_clean_pool()
            .with_reader(reader));
    }
    let pool = pool(url, connections, PATIENCE, wait).await?;
    Ok(TrackedConnection::new(pool).with_clean_pool())
}

/// Connects an application and its feed.
///
/// # Errors
/// The same as for [`connect`].
pub(crate) async fn connect_all(settings: &DatabaseSettings) -> Result<Connections, DbErr> {
    // One for each snapshot, as many to look for new changes and to serve subscribers that are behind, and one
    // that listens.
    let connections = u32::try_from(2 * SNAPSHOTS + 1).unwrap_or(u32::MAX);
    Ok(Connections {
        tracked: connect(settings).await?,
        feed: pool(&settings.url, connections, PATIENCE, settings.lock_wait).await?,
    })
}

/// Connections for what requests read outside transactions. No statement on them runs longer than a request
/// may; `None` if the database cannot enforce that. They open as they are needed. Writes, and the reads of
/// consumers and commands, have no such bound.
///
/// # Errors
/// The same as for [`connect`].
pub(crate) async fn connect_requests(
    settings: &DatabaseSettings,
    most: Duration,
) -> Result<Option<DatabaseConnection>, DbErr> {
    let DatabaseSettings {
        url,
        connections,
        lock_wait,
    } = settings;
    let (dialect, _) = check(url)?;
    let Some(limit) = dialect.limit_statements(most) else {
        return Ok(None);
    };
    let connections = (*connections).max(1);
    let options = options(url, connections, PATIENCE, *lock_wait, Some(limit))?;
    open(options).await.map(Some)
}

/// How many transactions may write at once so that a fifth of the connections, at least one, is left for
/// reading. Unbounded if reads have a separate pool.
pub(crate) fn most_writers(db: &TrackedConnection) -> usize {
    let driver = internal::driver_of(db.writer()).ok();
    let Some(connections) = driver.and_then(|driver| driver.most_connections(db.writer())) else {
        return usize::MAX;
    };
    let left = (connections / 5).max(1);
    usize::try_from(connections.saturating_sub(left).max(1)).unwrap_or(usize::MAX)
}

/// Whether the URL names a file that this program opens itself.
fn is_file(url: &str) -> bool {
    of_url(url).is_some_and(|dialect| dialect.facts().is_file)
}

/// Checks the URL first, because SeaORM panics at an invalid one. The error does not quote the URL, which may
/// hold a password. A database for which this build has no driver is refused by naming the feature.
fn check(url: &str) -> Result<(&'static dyn Dialect, &'static dyn Driver), DbErr> {
    let fault = match Url::parse(url) {
        Ok(parsed) => match of_url(parsed.as_str()) {
            Some(dialect) => return Ok((dialect, internal::check(dialect.backend())?)),
            None => format!("there is no database for `{}`", parsed.scheme()),
        },
        Err(error) => format!("it is not a URL ({error})"),
    };
    Err(DbErr::Conn(RuntimeErr::Internal(format!(
        "the database's address: {fault}; begin it with sqlite://, postgres:// or mysql://"
    ))))
}

/// `turn` bounds the wait for a connection, `lock_wait` the wait for a lock.
async fn pool(
    url: &str,
    connections: u32,
    turn: Duration,
    lock_wait: Duration,
) -> Result<DatabaseConnection, DbErr> {
    open(options(url, connections, turn, lock_wait, None)?).await
}

/// `first` is a statement that each connection begins with, where the database is a server.
fn options(
    url: &str,
    connections: u32,
    turn: Duration,
    lock_wait: Duration,
    first: Option<String>,
) -> Result<ConnectOptions, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(turn)
        .connect_timeout(turn)
        .sqlx_logging(false);
    let (_, driver) = check(url)?;
    driver.set_up(&mut options, lock_wait, first);
    Ok(options)
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let url = options.get_url().to_owned();
    let opened = Database::connect(options).await;
    opened.map_err(|error| explained(error, &url))
}

/// A connection error with its likely cause, where the driver's message does not give it. It does not quote the
/// whole URL, which may hold a password.
fn explained(error: DbErr, url: &str) -> DbErr {
    let DbErr::Conn(RuntimeErr::SqlxError(source)) = &error else {
        return error;
    };
    let message = match &**source {
        SqlxError::PoolTimedOut => {
            let url = Url::parse(url).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or("localhost");
            let port = url
                .as_ref()
                .and_then(Url::port)
                .map_or_else(String::new, |port| format!(":{port}"));
            format!("no database answered at {host}{port} within {PATIENCE:?}")
        }
        source if is_file(url) && !url.contains("mode=rwc") => {
            format!("{source}; `?mode=rwc` after its name makes a file that is not there")
        }
        _ => return error,
    };
    DbErr::Conn(RuntimeErr::Internal(message))
}
