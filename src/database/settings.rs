//! Which database, and how it is connected to.

use std::time::Duration;

use sea_orm::ConnectOptions;

/// How long a write waits for a lock, unless set.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Connections in the pool, unless set.
const CONNECTIONS: u32 = 10;

/// Which database, and how it is connected to.
///
/// A program that has [`ConnectOptions`] already keeps them, TLS, search path, logging and timeouts included:
///
/// ```
/// use sea_orm::ConnectOptions;
/// use seachange::DatabaseSettings;
///
/// let mut options = ConnectOptions::new("postgres://app@db.example.com/shop?sslmode=require");
/// options.set_schema_search_path("shop").max_connections(20);
/// let settings = DatabaseSettings::from(options);
/// assert_eq!(settings.connections, 20);
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The address, `sqlite://…`, `postgres://…` or `mysql://…` (each takes the feature of that name), and how
    /// each connection is made. What SeaORM calls `map_sqlx_…_pool_opts`, and on SQLite
    /// `map_sqlx_sqlite_opts`, is replaced: there each connection gets what capture relies on.
    pub options: ConnectOptions,
    /// Connections in the pool. On SQLite these only read; one more connection writes.
    pub connections: u32,
    /// How long a statement waits for a row that another transaction holds, and how long a write on SQLite
    /// waits for its turn. MariaDB counts whole seconds, at least one. On PostgreSQL a statement can wait
    /// twice, for its turn at the row and then for the row: each of these waits ends after half of the time.
    pub lock_wait: Duration,
}

impl DatabaseSettings {
    /// Ten connections that do not log their statements, and five seconds of waiting for a lock.
    pub fn new(url: impl Into<String>) -> Self {
        let mut options = ConnectOptions::new(url.into());
        options.sqlx_logging(false);
        Self::from(options)
    }

    /// The database's address, which may hold a password.
    pub fn url(&self) -> &str {
        self.options.get_url()
    }
}

impl From<ConnectOptions> for DatabaseSettings {
    fn from(options: ConnectOptions) -> Self {
        Self {
            connections: options.get_max_connections().unwrap_or(CONNECTIONS),
            options,
            lock_wait: LOCK_WAIT,
        }
    }
}
