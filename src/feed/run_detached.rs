//! Database work that runs to its end.

use sea_orm::{DbErr, RuntimeErr};

/// Runs a step to its end even if its caller is dropped. A query that is dropped half-way leaves
/// its pooled connection out of step with the server, or a lock held on it.
pub(crate) async fn run_detached<T, E>(
    step: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbErr> + Send + 'static,
{
    match tokio::spawn(step).await {
        Ok(result) => result,
        // This is a bug of ours, which a retry would only repeat.
        Err(error) if error.is_panic() => {
            Err(DbErr::Query(RuntimeErr::Internal(error.to_string())).into())
        }
        // The process is ending.
        Err(error) => Err(DbErr::Conn(RuntimeErr::Internal(error.to_string())).into()),
    }
}
