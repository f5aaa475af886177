//! Whether the process is alive and whether it can do its work: `/healthz` and `/readyz`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;

use super::Server;

type Check = dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// How long a check may take before the server counts as not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks whether the server can do its work. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    check: Arc<Check>,
}

impl Health {
    /// `check` runs at every request of `/readyz`. Its error is the reason that the response shows to anyone,
    /// so it must not name secrets. A check that takes longer than five seconds counts as failed.
    pub fn new(
        check: impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Arc::new(check),
        }
    }

    /// Always ready.
    #[cfg(test)]
    pub(super) fn always() -> Self {
        Self::new(|| Box::pin(async { Ok(()) }))
    }

    async fn check(&self) -> Result<(), String> {
        tokio::time::timeout(PATIENCE, (self.check)())
            .await
            .unwrap_or_else(|_| Err("the check did not answer in time".to_owned()))
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: 200, or 503 with the reason. A server that is stopping is not ready.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> (StatusCode, String) {
    if *server.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned());
    }
    match server.health.check().await {
        Ok(()) => (StatusCode::OK, "ready".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
