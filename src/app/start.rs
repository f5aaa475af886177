//! Starts an application: combines database, feed, API and server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dynamic::SchemaError;
use futures_util::FutureExt;
use futures_util::future::join_all;
use sea_orm::DbErr;
use seachange_changelog::internal::check_primary;
use seachange_changelog::{TrackedConnection, check_computed, check_triggers};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::{App, Settings};
use crate::consumer::ConsumerHandle;
use crate::database::{self, Connections, WriteProbe};
use crate::feed::{Feed, FeedError};
use crate::server::{self, Auth, BadPublicKey, Health, ServerConfig};
use crate::service::Service;
use crate::service::idempotency::sweep;
use crate::service::turns::Turns;

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
    /// The key's file cannot be read.
    #[error("SEACHANGE_JWT_PUBLIC_KEY {}: {}", .0.display(), .1)]
    KeyFile(PathBuf, #[source] std::io::Error),
    /// The key's file does not hold a public key.
    #[error("SEACHANGE_JWT_PUBLIC_KEY {}: {}", .0.display(), .1)]
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
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

impl StartError {
    /// Whether the settings are wrong, so that no later start with them can succeed.
    pub fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::OpenToTheWorld(_) | Self::TwoKeys | Self::KeyFile(..) | Self::Key(..)
        )
    }
}

/// The time that consumers have to finish their current batch when the server stops.
const CONSUMER_GRACE: Duration = Duration::from_secs(5);

/// The bytes of a secret that HS256 requires (RFC 7518, 3.2).
const SECRET: usize = 32;

/// A running server. Dropping it stops nothing; call [`Server::stop`].
pub struct Server {
    /// The address on which it listens.
    pub address: SocketAddr,
    db: TrackedConnection,
    feed: Feed,
    service: Service,
    consumers: Vec<ConsumerHandle>,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// The server's connection: writes through it are recorded and reach subscribers immediately.
    pub fn db(&self) -> &TrackedConnection {
        &self.db
    }

    /// The server's feed.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Operations on the application's entities other than plain writes. They take turns with the mutations
    /// of clients.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The consumers started with the server, in the order of their registration.
    pub fn consumers(&self) -> &[ConsumerHandle] {
        &self.consumers
    }

    /// Drains open requests and sockets, lets consumers finish their batch, then ends.
    ///
    /// # Errors
    /// The listener's error, if it failed.
    pub async fn stop(self) -> std::io::Result<()> {
        // If the server has failed already, there is no receiver any more.
        let _ = self.stop.send(true);
        let ended = self
            .task
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let consumers = join_all(self.consumers.into_iter().map(ConsumerHandle::stop));
        if tokio::time::timeout(CONSUMER_GRACE, consumers)
            .await
            .is_err()
        {
            tracing::warn!("a consumer did not end in time; its batch will come again");
        }
        ended
    }
}

impl App {
    /// Migrates the database and starts to serve it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(&self, settings: &Settings) -> Result<Server, StartError> {
        let auth = auth(settings)?;
        let wake = Arc::new(Notify::new());
        let signal = Arc::clone(&wake);
        let Connections { tracked, feed } = database::connect_all(&settings.database()).await?;
        let db = tracked.with_on_commit(move || signal.notify_one());
        check_primary(db.writer()).await.map_err(FeedError::from)?;
        self.migrations.up(db.writer()).await?;
        let feed = Feed::start(feed, wake).await?;
        match check_triggers(db.writer()).await {
            Ok(findings) => findings
                .iter()
                .for_each(|finding| tracing::warn!("{finding}")),
            Err(error) => tracing::warn!(%error, "the triggers could not be checked"),
        }
        match check_computed(db.writer()).await {
            Ok(findings) => findings
                .iter()
                .for_each(|finding| tracing::warn!("{finding}")),
            Err(error) => tracing::warn!(%error, "computed columns could not be checked"),
        }
        let limits = settings.limits.clone();
        let reads = database::connect_requests(&settings.database(), limits.request_time).await?;
        let requests = match reads {
            Some(reads) => db.clone().with_reader(reads),
            None => db.clone(),
        };
        let equalities = self.entities.equalities(db.writer()).await?;
        let serving = (feed.clone(), Arc::new(Turns::new(&requests)));
        let api = self
            .entities
            .api(requests, serving.clone(), limits.clone(), &equalities)?;
        let service = self.entities.service(db.clone(), serving, limits.clone())?;
        let listen_error = |error| StartError::Listen(settings.listen, error);
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let config = ServerConfig {
            listen: address,
            limits,
            auth,
            origins: settings.allow_origins.clone(),
            demo: settings.demo.clone().filter(|folder| folder.is_dir()),
        };
        let (stop, stopped) = watch::channel(false);
        let sweeping = sweep(
            db.writer().clone(),
            config.limits.idempotency,
            shutdown_requested(stopped.clone()),
        );
        tokio::spawn(sweeping);
        let shutdown = shutdown_requested(stopped);
        let health = health(feed.clone(), WriteProbe::new(db.writer().clone()));
        let consumers = self.consumers.iter().map(|start| start(&feed, &db));
        let consumers = consumers.collect();
        let task = tokio::spawn(server::serve(listener, api, health, config, shutdown));
        Ok(Server {
            address,
            db,
            feed,
            service,
            consumers,
            stop,
            task,
        })
    }
}

/// Completes when the server must stop.
async fn shutdown_requested(mut stopped: watch::Receiver<bool>) {
    // An error means that the server handle was dropped; the server then runs until the process ends.
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
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

/// Ready while the change log can be read and the database takes writes, so that queries, mutations and
/// subscriptions work.
fn health(feed: Feed, writable: WriteProbe) -> Health {
    Health::new(move || {
        let (is_read, writable) = (feed.is_healthy(), writable.clone());
        async move {
            if !is_read {
                return Err("the change log cannot be read".to_owned());
            }
            if !writable.is_writable().await {
                return Err("the database takes no writes".to_owned());
            }
            Ok(())
        }
        .boxed()
    })
}
