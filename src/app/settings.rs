//! The settings of an application.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::database::DatabaseSettings;
use crate::limits::Limits;
use crate::server::AllowedOrigins;

/// Everything that can be set from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite://…`, `postgres://…` or `mysql://…`; each takes the feature of that name.
    pub database_url: String,
    /// Connections to the database.
    pub database_connections: u32,
    /// The address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The HS256 key of the tokens. With no key at all anyone may do anything, on a loopback address only.
    pub jwt_secret: Option<String>,
    /// A PEM file with the public key of the tokens (RS256, ES256 or EdDSA), instead of a secret.
    pub jwt_public_key: Option<PathBuf>,
    /// The origins whose pages may use the API.
    pub allow_origins: AllowedOrigins,
    /// The bounds that a client can run into.
    pub limits: Limits,
}

impl Settings {
    /// The defaults, on this database and address.
    pub fn new(database_url: impl Into<String>, listen: SocketAddr) -> Self {
        let database = DatabaseSettings::new(database_url);
        Self {
            database_url: database.url().to_owned(),
            database_connections: database.connections,
            listen,
            jwt_secret: None,
            jwt_public_key: None,
            allow_origins: AllowedOrigins::default(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            connections: self.database_connections,
            lock_wait: self.limits.lock_wait,
            ..DatabaseSettings::new(&self.database_url)
        }
    }
}
