//! HTTP and WebSocket: turns bytes into requests for the [`Api`], and answers into bytes.
//!
//! Guarantees: every refusal is a GraphQL response with a code; whatever a client may fill or hold open is
//! bounded by [`Limits`]; nothing outlives [`serve`] by more than its grace time.
//!
//! This module knows neither entities nor the change log nor the database.

mod auth;
mod body;
mod close_code;
mod console;
mod demo;
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
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

pub use auth::{Auth, BadPublicKey};
pub use health::Health;
pub use origin::{AllowedOrigins, BadOrigins};

use crate::graphql::Api;
use crate::limits::Limits;
use metrics::Metrics;
use origin::Origins;

/// The server's configuration.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address of the listener given to [`serve`].
    pub listen: SocketAddr,
    /// What one client may request.
    pub limits: Limits,
    /// How callers are authenticated.
    pub auth: Auth,
    /// The origins whose pages may send requests.
    pub origins: AllowedOrigins,
    /// The folder of the built demo, if there is one.
    pub demo: Option<PathBuf>,
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

/// Answers on `listener` until `shutdown` completes, then lets running requests end, closes the sockets with
/// 1001, and returns within five seconds.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    health: Health,
    config: ServerConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    tracing::debug!(listen = %config.listen, auth = ?config.auth, "serving");
    let demo = config.demo.clone();
    let server = Arc::new(Server::new(api, health, config));
    let mut routes = router(&server.origins);
    if let Some(folder) = demo {
        routes = demo::add(routes, &folder);
    }
    let routes = routes.with_state(Arc::clone(&server));
    // A change is one small frame, and waiting to fill a packet would only delay it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
    });
    let signal = {
        let server = Arc::clone(&server);
        async move {
            shutdown.await;
            server.stopping.send_replace(true);
        }
    };
    let serving = axum::serve(listener, routes).with_graceful_shutdown(signal);
    let drained = async {
        serving.await?;
        server.stopping.closed().await;
        Ok(())
    };
    tokio::select! {
        result = drained => result,
        () = grace_over(&server) => {
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
