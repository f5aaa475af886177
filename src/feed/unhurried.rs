//! Database work that nobody can cut off.

use sea_orm::{DbErr, RuntimeErr};

/// Runs a step to its end even if whoever asked for it goes away. Dropped half-way, a query leaves
/// its pooled connection out of step with the server, or a lock held on it.
pub(crate) async fn unhurried<T, E>(
    step: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbErr> + Send + 'static,
{
    match tokio::spawn(step).await {
        Ok(result) => result,
        // A fault of ours, which another try would only repeat.
        Err(error) if error.is_panic() => {
            Err(DbErr::Query(RuntimeErr::Internal(error.to_string())).into())
        }
        // The process is ending.
        Err(error) => Err(DbErr::Conn(RuntimeErr::Internal(error.to_string())).into()),
    }
}
