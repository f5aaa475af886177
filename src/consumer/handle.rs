//! What the outside sees of a running consumer and can tell it.

use sea_orm::DbErr;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::lease::Lease;

/// What a consumer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerState {
    /// Another process works for it, or an operator has paused it.
    Waiting,
    /// It has handled everything up to its checkpoint, or is about to.
    Working,
    /// The handler or the database has failed; it tries again by itself. What no other try can help it
    /// tries a few times only.
    Retrying {
        /// Failures in a row.
        attempt: u32,
        /// The last one.
        error: String,
    },
    /// It will do nothing more: why.
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

    /// Waits until it does what `is_wanted` admits, or has ended; tells what it does then.
    pub async fn state_when(
        &mut self,
        is_wanted: impl FnMut(&ConsumerState) -> bool,
    ) -> ConsumerState {
        // An error: the task is gone, and its last word stands.
        let _ = self.state.wait_for(is_wanted).await;
        self.state()
    }

    /// Stops it after the batch it is at, on every process and through restarts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pause(&self) -> Result<(), DbErr> {
        self.lease.pause(true).await
    }

    /// Lets it go on, on every process.
    ///
    /// # Errors
    /// What the database says.
    pub async fn resume(&self) -> Result<(), DbErr> {
        self.lease.pause(false).await
    }

    /// Ends it after the batch it is at, and lets another process go on at once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // A handler that panicked has ended it already.
        let _ = (&mut self.task).await;
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
