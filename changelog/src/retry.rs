//! The one loop that tries a transaction again.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::sleep;

use crate::backoff::Backoff;

/// Attempts in all. Deadlocks are resolved at the first or second; beyond this the database is overloaded and
/// the client should wait.
const TRIES: u32 = 5;
/// Waits between attempts.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Makes attempts until one succeeds, fails with an error for which `may_help` says no, or was the last of five.
/// It is asked before the wait for the next attempt and after it.
///
/// # Errors
/// That of the last attempt.
pub async fn retry<T, E: Debug, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
    may_help: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    for _ in 1..TRIES {
        let error = match attempt().await {
            Err(error) if may_help(&error) => error,
            done => return done,
        };
        sleep(backoff.next_wait()).await;
        if !may_help(&error) {
            return Err(error);
        }
        tracing::debug!(?error, "trying the transaction again");
    }
    attempt().await
}
