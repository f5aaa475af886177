//! HTTP and WebSocket: turns bytes into requests for the [`Api`], and answers into bytes.
//!
//! Guarantees: every refusal is a GraphQL response with a code; whatever a client may fill or hold open is
//! bounded by [`Limits`]; nothing outlives [`Endpoint::closed`] by more than its grace time.
//!
//! This module knows neither entities nor the change log nor the database.

mod auth;
mod body;
mod close_code;
mod console;
mod health;
mod http;
mod idempotency;
mod media_type;
mod metrics;
mod origin;
mod outcome;
mod rejection;
mod reply;
mod request;
mod socket;
mod sse;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

pub use auth::{Auth, AuthError, Authenticator, BadPublicKey, Credentials};
pub use health::Health;
pub use origin::{AllowedOrigins, BadOrigins};

use crate::graphql::Api;
use crate::limits::Limits;
use metrics::Metrics;
use origin::Origins;

/// What the host of an API decides.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    /// What one client may request.
    pub(crate) limits: Limits,
    /// How callers are authenticated.
    pub(crate) auth: Auth,
    /// The origins whose pages may send requests.
    pub(crate) origins: AllowedOrigins,
}

/// The time that running requests and sockets have after the shutdown signal before they are cut off.
const GRACE: Duration = Duration::from_secs(5);

/// The state that all connections share.
struct Server {
    api: Api,
    origins: Origins,
    auth: Auth,
    limits: Limits,
    health: Health,
    metrics: Metrics,
    /// A permit for each socket that may be open.
    sockets: Arc<Semaphore>,
    /// A permit for each operation of a socket.
    operations: Arc<Semaphore>,
    /// Becomes true once. Each open socket holds a receiver, so none left means that all are closed.
    stopping: watch::Sender<bool>,
}

impl Server {
    fn new(api: Api, health: Health, config: ServerConfig) -> Self {
        let permits = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            api,
            origins: Origins::new(&config.auth, config.origins),
            auth: config.auth,
            sockets: permits(config.limits.sockets),
            operations: permits(config.limits.subscriptions),
            limits: config.limits,
            health,
            metrics: Metrics::default(),
            stopping: watch::Sender::new(false),
        }
    }
}

/// The API as routes of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Server>);

impl Endpoint {
    pub(crate) fn new(api: Api, health: Health, config: ServerConfig) -> Self {
        tracing::debug!(auth = ?config.auth, "serving");
        Self(Arc::new(Server::new(api, health, config)))
    }

    /// The routes. They know no path of their own, so that they can be nested.
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        router(&self.0.origins).with_state(Arc::clone(&self.0))
    }

    /// Begins to close: sockets are closed with 1001, event streams end, and new ones are refused. Requests
    /// that are running go on.
    pub(crate) fn close(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Completes when all sockets and event streams have closed after [`close`](Self::close), or after the
    /// grace time, which is five seconds.
    pub(crate) async fn closed(&self) {
        tokio::select! {
            () = self.0.stopping.closed() => {}
            () = grace_over(&self.0) => {
                tracing::warn!("some connections did not end in time and are cut off");
            }
        }
    }
}

/// Answers on `listener` until `shutdown` completes, then lets running requests end, closes the sockets with
/// 1001, and returns within five seconds.
///
/// # Errors
/// The listener failed.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    endpoint: Endpoint,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // A change is one small frame, and waiting to fill a packet would only delay it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
    });
    let closing = endpoint.clone();
    let signal = async move {
        shutdown.await;
        closing.close();
    };
    let serving = axum::serve(listener, routes).with_graceful_shutdown(signal);
    let drained = async {
        serving.await?;
        endpoint.0.stopping.closed().await;
        Ok(())
    };
    tokio::select! {
        result = drained => result,
        () = grace_over(&endpoint.0) => {
            tracing::warn!("some connections did not end in time and are cut off");
            Ok(())
        }
    }
}

async fn grace_over(server: &Server) {
    let mut stopping = server.stopping.subscribe();
    // The sender lives as long as `server`, so this waits for the signal.
    let signalled = stopping.wait_for(|stopping| *stopping).await.is_ok();
    // A receiver that is kept would count as an open socket.
    drop(stopping);
    if signalled {
        tokio::time::sleep(GRACE).await;
    }
}

fn router(origins: &Origins) -> Router<Arc<Server>> {
    let for_pages = Router::new()
        .route("/graphql", get(http::get).post(http::post))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(rejection::method_not_allowed)
        .layer(origins.layer());
    Router::new()
        .route("/", get(console::console))
        .route("/metrics", get(metrics::show))
        .method_not_allowed_fallback(rejection::method_not_allowed)
        .merge(for_pages)
        .fallback(rejection::not_found)
}
