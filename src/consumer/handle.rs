//! What the rest of the program can see of a running consumer, and how it can control it.

use sea_orm::DbErr;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::lease::Lease;

/// What a consumer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerState {
    /// Another process runs it, or an operator has paused it.
    Waiting,
    /// It has handled everything up to its checkpoint, or is about to.
    Working,
    /// The handler or the database has failed, and the consumer tries again by itself. After errors that a
    /// retry cannot cure it tries only a few times.
    Retrying {
        /// Failures in a row.
        attempt: u32,
        /// The last failure.
        error: String,
    },
    /// It will do nothing more, for this reason.
    Stopped(String),
}

/// A started consumer. Dropping it stops the consumer.
pub struct ConsumerHandle {
    pub(super) lease: Lease,
    pub(super) state: watch::Receiver<ConsumerState>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: JoinHandle<()>,
}

impl ConsumerHandle {
    /// What it is doing now.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        self.state.borrow().clone()
    }

    /// Waits until it is in a state that `is_wanted` accepts, or has ended; returns its state then.
    pub async fn state_when(
        &mut self,
        is_wanted: impl FnMut(&ConsumerState) -> bool,
    ) -> ConsumerState {
        // On an error the task is gone, and its last state stands.
        let _ = self.state.wait_for(is_wanted).await;
        self.state()
    }

    /// Stops it after its current batch, on every process and through restarts.
    ///
    /// # Errors
    /// The database's error.
    pub async fn pause(&self) -> Result<(), DbErr> {
        self.lease.pause().await
    }

    /// Resumes it, on every process.
    ///
    /// # Errors
    /// The database's error.
    pub async fn resume(&self) -> Result<(), DbErr> {
        self.lease.resume().await
    }

    /// Ends it after its current batch, and lets another process take over at once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // A handler that panicked has already ended the task.
        let _ = (&mut self.task).await;
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
