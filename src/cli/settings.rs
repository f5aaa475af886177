//! The settings: flags, or environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Folder of the built offline demo, served under /demo if it exists.
    #[arg(
        long,
        env = "SEACHANGE_DEMO",
        default_value = DEMO,
        global = true
    )]
    pub demo: PathBuf,
    /// What one client may request.
    #[command(flatten)]
    pub limits: Limits,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let message =
        "an IP address and a port, e.g. 127.0.0.1:8080 or [::1]:8080; names are not looked up";
    text.parse().map_err(|_| message)
}

impl Settings {
    /// The defaults, on this database and address.
    pub fn new(database_url: impl Into<String>, listen: SocketAddr) -> Self {
        Self {
            database_url: database_url.into(),
            database_connections: 10,
            listen,
            jwt_secret: None,
            jwt_public_key: None,
            allow_origins: AllowedOrigins::default(),
            demo: PathBuf::from(DEMO),
            limits: Limits::default(),
        }
    }

    pub(super) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.database_url.clone(),
            connections: self.database_connections,
            lock_wait: self.limits.lock_wait,
        }
    }
}
