//! Opens one pool.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, SqlxError,
    Statement,
};
use seachange_changelog::internal::{self, Dialect, Driver, of_url};
use url::Url;

use super::settings::DatabaseSettings;

/// How long a query waits for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What a pool is for.
pub(super) struct Use {
    pub(super) connections: u32,
    /// How long a query waits for a connection; `None` if that is up to the settings.
    pub(super) turn: Option<Duration>,
    /// Statements that each connection begins with, where the database is a server.
    pub(super) first: Vec<String>,
}

impl Use {
    /// Any statements, on this many connections.
    pub(super) fn of(connections: u32) -> Self {
        Self {
            connections,
            turn: None,
            first: Vec::new(),
        }
    }
}

/// Opens a pool.
///
/// # Errors
/// `DbErr::Conn`, `DbErr::BackendNotSupported`.
pub(super) async fn open(
    settings: &DatabaseSettings,
    purpose: Use,
) -> Result<DatabaseConnection, DbErr> {
    let (_, driver) = check(settings.url())?;
    let mut options = settings.options.clone();
    let turn = purpose.turn.or(options.get_acquire_timeout());
    let turn = turn.unwrap_or(PATIENCE);
    let least = options.get_min_connections().unwrap_or_default();
    options
        .max_connections(purpose.connections)
        .min_connections(least.min(purpose.connections))
        .acquire_timeout(turn);
    if options.get_connect_timeout().is_none() {
        options.connect_timeout(turn);
    }
    driver.set_up(&mut options, settings.lock_wait, purpose.first);
    connect(options).await
}

/// The statements by which connections get what SeaORM sets up after connecting, because setting up a pool
/// replaces that.
///
/// # Errors
/// `DbErr::Conn`, `DbErr::BackendNotSupported`.
pub(super) async fn first_statements(settings: &DatabaseSettings) -> Result<Vec<String>, DbErr> {
    let (dialect, _) = check(settings.url())?;
    let Some(ask) = dialect.session_query() else {
        return Ok(Vec::new());
    };
    let mut options = settings.options.clone();
    options.max_connections(1).min_connections(0);
    if options.get_acquire_timeout().is_none() {
        options.acquire_timeout(PATIENCE);
    }
    let as_it_is = connect(options).await?;
    let ask = Statement::from_string(dialect.backend(), ask);
    let rows = as_it_is.query_all_raw(ask).await?;
    as_it_is.close().await?;
    let statements = rows.iter().map(|row| row.try_get("", "statement"));
    statements.collect()
}

/// Opens the one connection to a SQLite database in memory, which exists as long as it does.
///
/// # Errors
/// `DbErr::Conn`, `DbErr::BackendNotSupported`.
pub(super) async fn open_memory(settings: &DatabaseSettings) -> Result<DatabaseConnection, DbErr> {
    check(settings.url())?;
    let mut options = settings.options.clone();
    options
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None);
    if options.get_acquire_timeout().is_none() {
        options.acquire_timeout(PATIENCE);
    }
    connect(options).await
}

/// Whether the URL names a database that a single connection holds in memory.
pub(super) fn is_memory(url: &str) -> bool {
    is_file(url) && (url.contains(":memory:") || url.contains("mode=memory"))
}

/// Whether the URL names a file that this program opens itself.
pub(super) fn is_file(url: &str) -> bool {
    of_url(url).is_some_and(|dialect| dialect.facts().is_file)
}

/// Checks the URL first, because SeaORM panics at an invalid one. The error does not quote the URL, which may
/// hold a password. A database for which this build has no driver is refused by naming the feature.
pub(super) fn check(url: &str) -> Result<(&'static dyn Dialect, &'static dyn Driver), DbErr> {
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

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
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
            format!("no database answered at {host}{port} in time")
        }
        source if is_file(url) => {
            let (_, file) = url.split_once(':').unwrap_or_default();
            let (file, _) = file.split_once('?').unwrap_or((file, ""));
            let is_missing = source.to_string().contains("unable to open");
            let cure = match (is_missing, url.contains("mode=rwc")) {
                (false, _) => "",
                (true, true) => "; its directory must be there, and open to this program",
                (true, false) => "; `?mode=rwc` after its name makes a file that is not there",
            };
            format!("{}: {source}{cure}", file.trim_start_matches("//"))
        }
        _ => return error,
    };
    DbErr::Conn(RuntimeErr::Internal(message))
}
