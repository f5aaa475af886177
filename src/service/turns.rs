//! Who may write, so that those who read find a connection.

use seachange_changelog::TrackedConnection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// Whose turn it is to write. Writers that wait for locks hold connections; a few are always left for those
/// who read.
pub(crate) struct Turns(Semaphore);

impl Turns {
    pub(crate) fn new(db: &TrackedConnection) -> Self {
        let writers = crate::database::most_writers(db);
        Self(Semaphore::new(writers.min(Semaphore::MAX_PERMITS)))
    }

    /// Waits for a turn, which lasts until what this returns is dropped.
    pub(crate) async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.0.acquire().await
    }
}
