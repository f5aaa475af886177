//! A closure as the work of a transaction.

use futures_util::future::BoxFuture;
use seachange_changelog::TrackedTransaction;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::service::budget::Cost;
use crate::service::error::ServiceError;
use crate::service::idempotency::Repeatable;
use crate::service::transaction::Work;

pub(super) struct Closure<F>(pub(super) F);

impl<T, F> Work for Closure<F>
where
    T: Send,
    F: for<'t> Fn(&'t TrackedTransaction) -> BoxFuture<'t, Result<T, ServiceError>> + Sync,
{
    type Output = T;

    async fn run(&self, tx: &TrackedTransaction) -> Result<T, ServiceError> {
        self.0(tx).await
    }

    /// The answer of a Rust caller's closure is not charged.
    fn cost(&self, _: &T) -> Cost {
        Cost::default()
    }
}

impl<T, F> Repeatable for Closure<F>
where
    T: Serialize + DeserializeOwned + Send,
    F: for<'t> Fn(&'t TrackedTransaction) -> BoxFuture<'t, Result<T, ServiceError>> + Sync,
{
    fn remember(&self, output: &T) -> Result<Option<Json>, ServiceError> {
        let kept = serde_json::to_value(output);
        kept.map(Some).map_err(ServiceError::internal)
    }

    async fn recall(&self, _: &TrackedTransaction, kept: Json) -> Result<T, ServiceError> {
        serde_json::from_value(kept).map_err(ServiceError::internal)
    }
}
