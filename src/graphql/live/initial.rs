//! The rows that exist when a subscription begins, read at one moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use seachange_changelog::Image;
use tokio::time::Instant;

use super::watched::Watched;
use crate::feed::{Cursor, Feed, Replay, Snapshot, run_detached};
use crate::graphql::error::Refusal;
use crate::service::code::ErrorCode;
use crate::service::filter::Predicate;
use crate::service::table::{KeyedRow, Table, TablePage};

/// Rows read at a time.
const PAGE: u64 = 500;
/// How long reading the rows may take. Meanwhile they hold a database connection, and PostgreSQL keeps every
/// old row version.
const MOST: Duration = Duration::from_secs(60);

/// A table's rows at the position of a snapshot.
pub(super) struct Initial {
    table: Arc<dyn Table>,
    predicate: Option<Predicate>,
    snapshot: Arc<Snapshot>,
    after: Option<Image>,
    rows: VecDeque<KeyedRow>,
    is_last: bool,
    began: Instant,
}

impl Initial {
    pub(super) async fn open(
        feed: &Feed,
        (table, predicate): (Arc<dyn Table>, Option<Predicate>),
    ) -> Result<Self, Refusal> {
        Ok(Self {
            table,
            predicate,
            snapshot: Arc::new(feed.snapshot().await?),
            after: None,
            rows: VecDeque::new(),
            is_last: false,
            began: Instant::now(),
        })
    }

    pub(super) fn cursor(&self) -> &Cursor {
        &self.snapshot.cursor
    }

    /// A reader of what comes after these rows.
    pub(super) fn replay(&self, watched: &dyn Watched) -> Replay {
        self.snapshot.replay(watched.selection(), watched.row())
    }

    /// The next matching row; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<KeyedRow>, Refusal> {
        loop {
            match self.rows.pop_front() {
                Some(row) => return Ok(Some(row)),
                None if self.is_last => return Ok(None),
                None => self.read().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), Refusal> {
        if self.began.elapsed() > MOST {
            return Err(Refusal::new(
                ErrorCode::Unavailable,
                "the initial rows were read too slowly; subscribe again",
            ));
        }
        let (table, snapshot) = (Arc::clone(&self.table), Arc::clone(&self.snapshot));
        let (predicate, after) = (self.predicate.clone(), self.after.clone());
        let page = run_detached(async move {
            let (predicate, after) = (predicate.as_ref(), after.as_ref());
            table.read(&snapshot.tx, predicate, after, PAGE).await
        });
        let TablePage { rows, next } = page.await?;
        self.is_last = next.is_none();
        self.after = next;
        self.rows.extend(rows);
        Ok(())
    }
}
