//! The settings: flags, or environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Command};

use crate::app::Settings;
use crate::limits::Limits;
use crate::server::AllowedOrigins;

/// Everything that can be set from outside. `docs/reference/settings.md` has the table.
#[derive(Args, Clone, Debug)]
pub(super) struct Flags {
    /// sqlite://…, postgres://… or mysql://…
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://seachange.db?mode=rwc",
        hide_env_values = true,
        global = true
    )]
    database_url: String,
    /// Connections to the database.
    #[arg(long, env = "SEACHANGE_DATABASE_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), global = true)]
    database_connections: u32,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(
        long,
        env = "SEACHANGE_LISTEN",
        default_value = "127.0.0.1:8080",
        value_parser = address,
        global = true
    )]
    listen: SocketAddr,
    /// HS256 key of the tokens; without it anyone may do anything, on a loopback address only.
    #[arg(
        long,
        env = "SEACHANGE_JWT_SECRET",
        hide_env_values = true,
        global = true
    )]
    jwt_secret: Option<String>,
    /// PEM file with the public key of the tokens (RS256, ES256 or EdDSA), instead of a secret.
    #[arg(long, env = "SEACHANGE_JWT_PUBLIC_KEY", global = true)]
    jwt_public_key: Option<PathBuf>,
    /// Origins whose pages may use the API, with commas between them, or * for all of them without
    /// credentials; if it is not set, loopback origins in open mode and none with a key.
    #[arg(
        long,
        env = "SEACHANGE_ALLOW_ORIGINS",
        default_value = "",
        hide_default_value = true,
        global = true
    )]
    allow_origins: AllowedOrigins,
    /// What one client may request.
    #[command(flatten)]
    limits: Limits,
}

/// A command that has the settings as its flags.
pub(super) fn definition() -> Command {
    Flags::augment_args(Command::new("settings"))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let message =
        "an IP address and a port, e.g. 127.0.0.1:8080 or [::1]:8080; names are not looked up";
    text.parse().map_err(|_| message)
}

impl Flags {
    /// The settings that the flags and variables name.
    pub(super) fn settings(self) -> Settings {
        Settings {
            database_url: self.database_url,
            database_connections: self.database_connections,
            listen: self.listen,
            jwt_secret: self.jwt_secret,
            jwt_public_key: self.jwt_public_key,
            allow_origins: self.allow_origins,
            limits: self.limits,
        }
    }
}
