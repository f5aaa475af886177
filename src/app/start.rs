//! Starts an application as a server of its own.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use async_graphql::dynamic::SchemaError;
use sea_orm::DbErr;
use seachange_changelog::TrackedConnection;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{App, MountSettings, Mounted, Settings};
use crate::consumer::ConsumerHandle;
use crate::database::Connections;
use crate::feed::{Feed, FeedError};
use crate::server::{self, Auth, BadPublicKey};
use crate::service::Service;

/// The reason why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Anyone could reach a server that requires no authentication.
    #[error(
        "{0} can be reached from outside and no key is set; cure: set SEACHANGE_JWT_SECRET or \
         SEACHANGE_JWT_PUBLIC_KEY, or listen on a loopback address"
    )]
    OpenToTheWorld(SocketAddr),
    /// Both keys are set, and choosing one would be a guess.
    #[error("SEACHANGE_JWT_SECRET and SEACHANGE_JWT_PUBLIC_KEY are both set; cure: keep one")]
    TwoKeys,
    /// Callers could see and do more than the program says.
    #[error(
        "`{0}` is registered, and nothing says what callers may see and do; cure: `.expose::<Entity>(…)` in place \
         of `.entity::<Entity>()`"
    )]
    Unsaid(&'static str),
    /// Any site could act for a caller who is signed in.
    #[error(
        "pages of all origins are allowed, and browsers send by themselves what authenticates a caller; cure: \
         list the origins"
    )]
    AnyOrigin,
    /// The key's file cannot be read.
    #[error("SEACHANGE_JWT_PUBLIC_KEY {}: {}; cure: name a file that this program may read", .0.display(), .1)]
    KeyFile(PathBuf, #[source] std::io::Error),
    /// The key's file does not hold a public key.
    #[error(
        "SEACHANGE_JWT_PUBLIC_KEY {}: {}; cure: name a PEM file that begins with -----BEGIN PUBLIC KEY-----",
        .0.display(), .1
    )]
    Key(PathBuf, #[source] BadPublicKey),
    /// The database cannot be reached or migrated.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The change log cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The registered parts do not fit together.
    #[error("schema: {0}")]
    Schema(#[from] SchemaError),
    /// The address cannot be listened on.
    #[error("cannot listen on {_0}: {_1}; cure: {cure}", cure = listen_cure(_0.port(), _1))]
    Listen(SocketAddr, std::io::Error),
}

/// What helps if a port cannot be listened on.
fn listen_cure(port: u16, error: &std::io::Error) -> String {
    let other = "by SEACHANGE_LISTEN or --listen; port 0 takes a free one";
    match error.kind() {
        ErrorKind::AddrInUse => {
            format!("end the program that has port {port}, or choose another port {other}")
        }
        ErrorKind::PermissionDenied => {
            format!("choose a port above 1023 instead of {port} {other}")
        }
        ErrorKind::AddrNotAvailable => {
            format!("choose an address of this machine {other}")
        }
        _ => format!("choose another address {other}"),
    }
}

impl StartError {
    /// Whether the settings are wrong, so that no later start with them can succeed.
    pub fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::OpenToTheWorld(_)
                | Self::TwoKeys
                | Self::KeyFile(..)
                | Self::Key(..)
                | Self::Unsaid(_)
                | Self::AnyOrigin
        )
    }
}

/// The bytes of a secret that HS256 requires (RFC 7518, 3.2).
const SECRET: usize = 32;

/// A running server. Dropping it stops nothing; call [`Server::stop`].
pub struct Server {
    /// The address on which it listens.
    pub address: SocketAddr,
    mounted: Mounted,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// The server's connection: writes through it are recorded and reach subscribers immediately.
    pub fn db(&self) -> &TrackedConnection {
        self.mounted.db()
    }

    /// The server's feed.
    pub fn feed(&self) -> &Feed {
        self.mounted.feed()
    }

    /// Operations on the application's entities other than plain writes. They take turns with the mutations
    /// of clients.
    pub fn service(&self) -> &Service {
        self.mounted.service()
    }

    /// The consumers started with the server, in the order of their registration.
    pub fn consumers(&self) -> &[ConsumerHandle] {
        self.mounted.consumers()
    }

    /// Drains open requests and sockets, lets consumers finish their batch, then ends.
    ///
    /// # Errors
    /// The listener's error, if it failed.
    pub async fn stop(self) -> std::io::Result<()> {
        // If the server has failed already, there is no receiver any more.
        let _ = self.stop.send(());
        let ended = self
            .task
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        self.mounted.end().await;
        ended
    }
}

impl App {
    /// Migrates the database and starts to serve it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(&self, settings: &Settings) -> Result<Server, StartError> {
        let mount = MountSettings {
            auth: auth(settings)?,
            allow_origins: settings.allow_origins.clone(),
            limits: settings.limits.clone(),
        };
        let connections = Connections::open(settings.database()).await?;
        let mounted = self.mount(connections, mount).await?;
        let listen_error = |error| StartError::Listen(settings.listen, error);
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // An error means that the server handle was dropped; the server then runs until the process ends.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let routes = mounted.router().merge(self.routes.clone());
        let endpoint = mounted.endpoint.clone();
        let task = tokio::spawn(server::serve(listener, routes, endpoint, shutdown));
        Ok(Server {
            address,
            mounted,
            stop,
            task,
        })
    }
}

fn auth(settings: &Settings) -> Result<Auth, StartError> {
    let secret = settings
        .jwt_secret
        .as_deref()
        .filter(|secret| !secret.is_empty());
    match (secret, &settings.jwt_public_key) {
        (Some(_), Some(_)) => Err(StartError::TwoKeys),
        (Some(secret), None) => {
            if secret.len() < SECRET {
                tracing::warn!(
                    "SEACHANGE_JWT_SECRET is short: it can be guessed from any token, and \
                     sign others; {SECRET} random bytes or more are safe"
                );
            }
            Ok(Auth::hs256(secret))
        }
        (None, Some(file)) => {
            let pem = std::fs::read_to_string(file)
                .map_err(|error| StartError::KeyFile(file.clone(), error))?;
            Auth::public_key(&pem).map_err(|error| StartError::Key(file.clone(), error))
        }
        (None, None) if settings.listen.ip().is_loopback() => {
            tracing::warn!(
                "open mode: no key for tokens is set, so anyone on this machine may do anything"
            );
            Ok(Auth::open())
        }
        (None, None) => Err(StartError::OpenToTheWorld(settings.listen)),
    }
}
