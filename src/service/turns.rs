//! Bounds the number of writers, so that readers find a connection.

use seachange_changelog::TrackedConnection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// The turns to write. Writers that wait for locks hold connections; a few connections are always left for
/// readers.
pub(crate) struct Turns(Semaphore);

impl Turns {
    pub(crate) fn new(db: &TrackedConnection) -> Self {
        let writers = crate::database::most_writers(db);
        Self(Semaphore::new(writers.min(Semaphore::MAX_PERMITS)))
    }

    /// Waits for a turn, which lasts until the returned permit is dropped.
    pub(crate) async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.0.acquire().await
    }
}
