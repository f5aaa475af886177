//! An application within a server of the host: database, feed and API, as routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use futures_util::future::join_all;
use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::internal::check_primary;
use seachange_changelog::{
    Finding, TrackedConnection, check_computed, check_format, check_triggers,
};
use tokio::sync::watch;

use super::{App, StartError};
use crate::consumer::ConsumerHandle;
use crate::database::{Connections, WriteProbe};
use crate::feed::{Feed, FeedError};
use crate::limits::Limits;
use crate::server::{AllowedOrigins, Auth, Endpoint, Health, ServerConfig};
use crate::service::Service;
use crate::service::idempotency::sweep;
use crate::service::turns::Turns;

/// The time that consumers have to finish their current batch at the end.
const CONSUMER_GRACE: Duration = Duration::from_secs(5);

/// How an application is mounted.
#[derive(Clone, Debug)]
pub struct MountSettings {
    /// How callers are authenticated.
    pub auth: Auth,
    /// The origins whose pages may use the API, in addition to the host's own.
    pub allow_origins: AllowedOrigins,
    /// The bounds that a client can run into.
    pub limits: Limits,
}

impl MountSettings {
    /// The defaults, with this authentication.
    pub fn new(auth: Auth) -> Self {
        Self {
            auth,
            allow_origins: AllowedOrigins::default(),
            limits: Limits::default(),
        }
    }
}

/// An application within a server of the host. Dropping it stops nothing; call [`Mounted::stop`].
pub struct Mounted {
    pub(super) endpoint: Endpoint,
    db: TrackedConnection,
    feed: Feed,
    service: Service,
    consumers: Vec<ConsumerHandle>,
    /// Ends the sweep of idempotency keys.
    stop: watch::Sender<bool>,
}

impl Mounted {
    /// The routes, to be nested in the host's router: `/graphql` (requests, sockets and event streams), the page
    /// `/`, `/healthz`, `/readyz` and `/metrics`.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.endpoint.router()
    }

    /// The connection: writes through it are recorded and reach subscribers immediately.
    pub fn db(&self) -> &TrackedConnection {
        &self.db
    }

    /// The feed of the changes.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Operations on the application's entities other than plain writes. They take turns with the mutations
    /// of clients.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The consumers started with it, in the order of their registration.
    pub fn consumers(&self) -> &[ConsumerHandle] {
        &self.consumers
    }

    /// Closes sockets and event streams and lets consumers finish their batch, for up to five seconds each.
    /// Requests that are running go on: they are the host's to end. Call it when the host begins to shut down,
    /// because a server that drains its connections waits for event streams.
    pub async fn stop(self) {
        self.endpoint.close();
        self.endpoint.closed().await;
        self.end().await;
    }

    /// Ends what runs in the background.
    pub(super) async fn end(self) {
        // If nothing is swept, there is no receiver.
        let _ = self.stop.send(true);
        let consumers = join_all(self.consumers.into_iter().map(ConsumerHandle::stop));
        if tokio::time::timeout(CONSUMER_GRACE, consumers)
            .await
            .is_err()
        {
            tracing::warn!("a consumer did not end in time; its batch will come again");
        }
    }
}

impl App {
    /// Serves the application within a server of the host: migrates the database, if there is a migrator,
    /// follows its log and starts the consumers. Port, TLS, layers and shutdown are the host's.
    ///
    /// ```no_run
    /// use axum::Router;
    /// use axum::extract::Request;
    /// use axum::middleware::{Next, from_fn};
    /// use axum::response::Response;
    /// use seachange::{App, Auth, Caller, Connections, DatabaseSettings, Exposure, MountSettings};
    /// use seachange_entity::task;
    ///
    /// /// The host's own authentication, which knows who has sent the request.
    /// async fn caller(mut request: Request, next: Next) -> Response {
    ///     request.extensions_mut().insert(Caller::new("alice"));
    ///     next.run(request).await
    /// }
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let settings = DatabaseSettings::new("sqlite://tasks.db?mode=rwc");
    /// let connections = Connections::open(settings).await?;
    /// let live = App::new()
    ///     .expose::<task::Entity>(Exposure::read_only())
    ///     .mount(connections, MountSettings::new(Auth::host()))
    ///     .await?;
    /// let router = Router::new()
    ///     .nest("/live", live.router())
    ///     .layer(from_fn(caller));
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    /// axum::serve(listener, router)
    ///     .with_graceful_shutdown(async {
    ///         // An error means that this program cannot be asked to end in this way.
    ///         let _ = tokio::signal::ctrl_c().await;
    ///         live.stop().await;
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn mount(
        &self,
        connections: Connections,
        settings: MountSettings,
    ) -> Result<Mounted, StartError> {
        let MountSettings {
            auth,
            allow_origins: origins,
            limits,
        } = settings;
        if auth.is_sent_by_browsers() && !auth.is_open() && origins.are_all() {
            return Err(StartError::AnyOrigin);
        }
        if !auth.is_open() {
            self.entities.check_exposed().map_err(StartError::Unsaid)?;
        }
        let db = connections.tracked().clone();
        check_primary(db.writer()).await.map_err(FeedError::from)?;
        // This comes before migrations, of which a later version may have applied others.
        check_format(db.writer()).await.map_err(FeedError::from)?;
        self.migrations.up(db.writer()).await?;
        let feed = connections.follow().await?;
        warn_of(check_triggers(db.writer()).await, "triggers");
        warn_of(check_computed(db.writer()).await, "computed columns");
        let requests = connections.for_requests(limits.request_time).await?;
        let facts = self.entities.facts(db.writer()).await?;
        let serving = (feed.clone(), Arc::new(Turns::new(&requests)));
        let api = self
            .entities
            .api(requests, serving.clone(), limits.clone(), &facts)?;
        let service = self.entities.service(db.clone(), serving, limits.clone())?;
        let stop = sweep_until_stopped(db.writer().clone(), limits.idempotency);
        let health = health(feed.clone(), WriteProbe::new(db.writer().clone()));
        let config = ServerConfig {
            limits,
            auth,
            origins,
        };
        let consumers = self.consumers.iter().map(|start| start(&feed, &db));
        let consumers = consumers.collect();
        Ok(Mounted {
            endpoint: Endpoint::new(api, health, config),
            db,
            feed,
            service,
            consumers,
            stop,
        })
    }
}

/// Reports what a check has found.
fn warn_of(found: Result<Vec<Finding>, DbErr>, what: &str) {
    match found {
        Ok(findings) => findings
            .iter()
            .for_each(|finding| tracing::warn!("{finding}")),
        Err(error) => tracing::warn!(%error, "the {what} could not be checked"),
    }
}

/// Removes idempotency keys whose lifetime is over, until `true` is sent.
fn sweep_until_stopped(db: DatabaseConnection, lifetime: Duration) -> watch::Sender<bool> {
    let (stop, mut stopped) = watch::channel(false);
    let until = async move {
        // An error means that the sender was dropped; the sweep then goes on until the process ends.
        if stopped.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::spawn(sweep(db, lifetime, until));
    stop
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
