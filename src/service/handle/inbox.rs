//! The conflict inbox, for Rust callers.

use seachange_changelog::Image;
use seachange_changelog::sync_tables::conflict::Model;

use super::Service;
use crate::service::error::ServiceError;
use crate::service::offline::inbox::{self, InboxFilter, InboxPage};
use crate::service::offline::resolve::{self, Decided, InboxChoice};

impl Service {
    /// Up to `first` edits of offline clients that were not taken as they were sent, the oldest first.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` for more than [`Limits::page_rows`](crate::Limits::page_rows).
    pub async fn conflicts(
        &self,
        wanted: InboxFilter,
        first: u64,
    ) -> Result<InboxPage, ServiceError> {
        let most = self.limits.page_rows;
        if first > most {
            let message = format!("a page has at most {most} conflicts");
            return Err(ServiceError::limit(message));
        }
        let budget = self.budget();
        inbox::conflicts(self.call(&budget), &self.synced, wanted, first).await
    }

    /// Decides an edit in the inbox and returns the conflict as it is afterwards. `seen` is the row, as a
    /// document, on which the decision is based; `None` stands for the row as it was when the conflict was
    /// recorded.
    ///
    /// # Errors
    /// `NOT_FOUND` if no conflict has this id; a conflict if it has already been decided or, with
    /// [`Fact::Current`](crate::Fact::Current), if a column to be written has changed since it was seen.
    pub async fn resolve(
        &self,
        id: &str,
        choice: InboxChoice,
        seen: Option<Image>,
    ) -> Result<Model, ServiceError> {
        let decided = Decided {
            id: id.to_owned(),
            choice,
            seen,
        };
        let budget = self.budget();
        resolve::resolve(self.call(&budget), &self.synced, decided).await
    }
}
