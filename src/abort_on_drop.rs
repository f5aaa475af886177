//! A task that ends with its handle.

use std::ops::Deref;

use tokio::task::JoinHandle;

/// The handle of a task, which is aborted when the handle is dropped.
pub(crate) struct AbortOnDrop(JoinHandle<()>);

impl AbortOnDrop {
    /// Starts a task.
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Deref for AbortOnDrop {
    type Target = JoinHandle<()>;

    fn deref(&self) -> &JoinHandle<()> {
        &self.0
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
