//! Reading the log from a position onwards, at the reader's own pace.

use std::sync::Arc;
use std::time::Duration;

use seachange_changelog::internal::Backoff;
use seachange_changelog::internal::reader::{
    Change, Page, Position, ReadError, RowName, Selection,
};

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::log::Log;

/// Changes read from the log at a time.
const PAGE: u64 = 500;
/// Waits between attempts while the database is unavailable.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(2);

/// A place in one epoch's log, and what is wanted after it.
pub(crate) struct Replay {
    pub(super) log: Log,
    pub(super) wanted: Selection,
    /// If set, only changes of this row are wanted.
    pub(super) row: Option<RowName>,
    /// Everything up to here has been read or was not wanted.
    pub(super) position: Position,
}

impl Replay {
    /// The epoch of everything that it reads.
    pub(crate) fn epoch(&self) -> &Epoch {
        &self.log.epoch
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.log.cursor(self.position)
    }

    /// Continues from here. The caller has the changes in between from elsewhere.
    pub(crate) fn skip_to(&mut self, position: Position) {
        self.position = self.position.max(position);
    }

    /// Reads the next changes, up to the end of a transaction unless one is larger than a page. `known` must be
    /// readable; once everything up to it has been looked at, the position is there or beyond. Waits while the
    /// database is unavailable.
    ///
    /// # Errors
    /// [`FeedError::ResyncRequired`], [`FeedError::CursorExpired`]; [`FeedError::Database`] if a retry could
    /// not help.
    pub(crate) async fn page(&mut self, known: Position) -> Result<Vec<Arc<Change>>, FeedError> {
        let mut backoff = Backoff::new(FIRST_RETRY, RETRY_MOST);
        loop {
            match self.read().await.map_err(FeedError::from) {
                Ok(page) => {
                    let page = page.to_end_of_transaction();
                    // A short page has looked at everything there is, whether wanted or not.
                    self.position = if page.has_more {
                        page.end
                    } else {
                        page.end.max(known)
                    };
                    return Ok(page.changes.into_iter().map(Arc::new).collect());
                }
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "a reader of the log waits for the database");
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&mut self) -> Result<Page, ReadError> {
        if let Some(row) = &self.row {
            let read = self.log.read_row(self.position, &self.wanted, row, PAGE);
            if let Some(page) = read.await? {
                return Ok(page);
            }
            self.row = None;
        }
        self.log.read(self.position, &self.wanted, PAGE).await
    }
}
