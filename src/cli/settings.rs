//! The settings: flags, or environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::database::DatabaseSettings;
use crate::limits::Limits;
use crate::server::AllowedOrigins;

/// The folder into which the web client's build writes its demo.
const DEMO: &str = "clients/web/demo/dist";

/// Everything that can be set from outside. The README has the table.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// sqlite://…, postgres://… or mysql://…
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://seachange.db?mode=rwc",
        hide_env_values = true,
        global = true
    )]
    pub database_url: String,
    /// Connections to the database.
    #[arg(long, env = "SEACHANGE_DATABASE_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub database_connections: u32,
    /// Wait for a lock that another transaction holds, tries included, in milliseconds.
    #[arg(long, env = "SEACHANGE_LOCK_WAIT_MS", default_value_t = LOCK_WAIT_MS, value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub lock_wait_ms: u32,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(
        long,
        env = "SEACHANGE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_parser = address,
        global = true
    )]
    pub listen: SocketAddr,
    /// HS256 key of the tokens; without it anyone may do anything, on a loopback address only.
    #[arg(
        long,
        env = "SEACHANGE_JWT_SECRET",
        hide_env_values = true,
        global = true
    )]
    pub jwt_secret: Option<String>,
    /// PEM file with the public key of the tokens (RS256, ES256 or EdDSA), instead of a secret.
    #[arg(long, env = "SEACHANGE_JWT_PUBLIC_KEY", global = true)]
    pub jwt_public_key: Option<PathBuf>,
    /// Origins whose pages may use the API, with commas between them, or * for all of them without
    /// credentials; if it is not set, loopback origins in open mode and none with a key.
    #[arg(
        long,
        env = "SEACHANGE_ALLOW_ORIGINS",
        default_value = "",
        hide_default_value = true,
        global = true
    )]
    pub allow_origins: AllowedOrigins,
    /// Folder of the built offline demo, served under /demo where it is there.
    #[arg(
        long,
        env = "SEACHANGE_DEMO",
        default_value = DEMO,
        global = true
    )]
    pub demo: PathBuf,
    /// Most rows or changes in a page.
    #[arg(long, env = "SEACHANGE_PAGE_ROWS", default_value_t = Limits::default().page_rows, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub page_rows: u64,
    /// Most rows that an offline client may pull at a time.
    #[arg(long, env = "SEACHANGE_PULL_ROWS", default_value_t = Limits::default().pull_rows, global = true)]
    pub pull_rows: usize,
    /// Most rows in a batch.
    #[arg(long, env = "SEACHANGE_BATCH_ROWS", default_value_t = Limits::default().batch_rows, global = true)]
    pub batch_rows: usize,
    /// Most rows that one update or delete may touch.
    #[arg(long, env = "SEACHANGE_WRITE_ROWS", default_value_t = Limits::default().write_rows, global = true)]
    pub write_rows: u64,
    /// Deepest nesting of a request.
    #[arg(long, env = "SEACHANGE_QUERY_DEPTH", default_value_t = Limits::default().query_depth, global = true)]
    pub query_depth: usize,
    /// Most fields, arguments and directives in a request, fragments spread.
    #[arg(long, env = "SEACHANGE_REQUEST_FIELDS", default_value_t = Limits::default().request_fields, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub request_fields: u64,
    /// Most rows that one request may read.
    #[arg(long, env = "SEACHANGE_REQUEST_ROWS", default_value_t = Limits::default().request_rows, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub request_rows: u64,
    /// Largest answer to one request, in bytes, and most bytes of the rows read for it.
    #[arg(long, env = "SEACHANGE_ANSWER_BYTES", default_value_t = Limits::default().answer_bytes, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub answer_bytes: u64,
    /// Longest time that one request may take, in milliseconds.
    #[arg(long, env = "SEACHANGE_REQUEST_MS", default_value_t = REQUEST_MS, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub request_ms: u64,
    /// Largest HTTP request, in bytes.
    #[arg(long, env = "SEACHANGE_REQUEST_BYTES", default_value_t = Limits::default().request_bytes, global = true)]
    pub request_bytes: usize,
    /// Largest socket message, in bytes.
    #[arg(long, env = "SEACHANGE_MESSAGE_BYTES", default_value_t = Limits::default().message_bytes, global = true)]
    pub message_bytes: usize,
    /// Wait for a socket's connection_init, in milliseconds.
    #[arg(
        long,
        env = "SEACHANGE_INIT_WAIT_MS",
        default_value_t = 3_000,
        global = true
    )]
    pub init_wait_ms: u64,
    /// Most subscriptions on one socket.
    #[arg(long, env = "SEACHANGE_SUBSCRIPTIONS_PER_SOCKET", default_value_t = Limits::default().subscriptions_per_socket, global = true)]
    pub subscriptions_per_socket: usize,
    /// Most subscriptions on all sockets together.
    #[arg(long, env = "SEACHANGE_SUBSCRIPTIONS", default_value_t = Limits::default().subscriptions, global = true)]
    pub subscriptions: usize,
    /// Most sockets and event streams.
    #[arg(long, env = "SEACHANGE_SOCKETS", default_value_t = Limits::default().sockets, global = true)]
    pub sockets: usize,
    /// Largest extensions.metadata, in bytes of JSON.
    #[arg(long, env = "SEACHANGE_METADATA_BYTES", default_value_t = Limits::default().metadata_bytes, global = true)]
    pub metadata_bytes: usize,
    /// Hours for which a repeated idempotency key is answered as the first time; 0 for never.
    #[arg(long, env = "SEACHANGE_IDEMPOTENCY_HOURS", default_value_t = IDEMPOTENCY_HOURS, value_parser = clap::value_parser!(u32).range(..=LONGEST_HOURS), global = true)]
    pub idempotency_hours: u32,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let message =
        "an IP address and a port, e.g. 127.0.0.1:8080 or [::1]:8080; names are not looked up";
    text.parse().map_err(|_| message)
}

/// This is longer than any page takes, and shorter than most clients and proxies wait.
const REQUEST_MS: u64 = 30_000;
/// This is longer than a transaction should last, and shorter than a client waits.
const LOCK_WAIT_MS: u32 = 5_000;
/// One day, which is longer than any automatic retry.
const IDEMPOTENCY_HOURS: u32 = 24;
/// Ten years; a larger value is a mistake.
const LONGEST_HOURS: i64 = 10 * 366 * 24;

impl Settings {
    /// The defaults, on this database and address.
    pub fn new(database_url: impl Into<String>, listen: SocketAddr) -> Self {
        let limits = Limits::default();
        Self {
            database_url: database_url.into(),
            database_connections: 10,
            lock_wait_ms: LOCK_WAIT_MS,
            listen,
            jwt_secret: None,
            jwt_public_key: None,
            allow_origins: AllowedOrigins::default(),
            demo: PathBuf::from(DEMO),
            page_rows: limits.page_rows,
            pull_rows: limits.pull_rows,
            batch_rows: limits.batch_rows,
            write_rows: limits.write_rows,
            query_depth: limits.query_depth,
            request_fields: limits.request_fields,
            request_rows: limits.request_rows,
            answer_bytes: limits.answer_bytes,
            request_ms: REQUEST_MS,
            request_bytes: limits.request_bytes,
            message_bytes: limits.message_bytes,
            init_wait_ms: 3_000,
            subscriptions_per_socket: limits.subscriptions_per_socket,
            subscriptions: limits.subscriptions,
            sockets: limits.sockets,
            metadata_bytes: limits.metadata_bytes,
            idempotency_hours: IDEMPOTENCY_HOURS,
        }
    }

    pub(super) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.database_url.clone(),
            connections: self.database_connections,
            lock_wait: self.lock_wait(),
        }
    }

    fn lock_wait(&self) -> Duration {
        Duration::from_millis(u64::from(self.lock_wait_ms))
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            page_rows: self.page_rows,
            pull_rows: self.pull_rows,
            batch_rows: self.batch_rows,
            write_rows: self.write_rows,
            query_depth: self.query_depth,
            request_fields: self.request_fields,
            request_rows: self.request_rows,
            answer_bytes: self.answer_bytes,
            request_time: Duration::from_millis(self.request_ms),
            request_bytes: self.request_bytes,
            message_bytes: self.message_bytes,
            init_wait: Duration::from_millis(self.init_wait_ms),
            subscriptions_per_socket: self.subscriptions_per_socket,
            subscriptions: self.subscriptions,
            sockets: self.sockets,
            metadata_bytes: self.metadata_bytes,
            lock_wait: self.lock_wait(),
            idempotency: Duration::from_secs(u64::from(self.idempotency_hours) * 60 * 60),
        }
    }
}
