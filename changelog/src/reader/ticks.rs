//! The order of PostgreSQL: ticks, the design of PgQ.
//!
//! A row's xid identifies the transaction that wrote it. A tick stores the server's snapshot; batch N is what
//! tick N sees and tick N−1 does not, so it never changes and is the same for every reader, and an open
//! transaction delays only itself. Ids are taken before commit and xids before that, so neither is an order
//! by itself (measured in design: readers by id lose 38–43 % under 12 writers).
//!
//! A transaction's rows become visible together, so each transaction lies in one batch. Within a batch
//! transactions are in the order of their largest id: one that waited for another's row lock took its next id
//! after every id of the other.

mod moment;
mod signals;
mod snapshot;
mod tick;
mod window;

use sea_orm::DatabaseConnection;

use super::position::Position;
use super::row_history;
use super::row_name::RowName;
use super::selection::{Page, Selection};
use super::{LogReader, Moment, ReadError};
use crate::database::Postgres;
pub use signals::Signals;
pub(crate) use tick::LOCK as TICK_LOCK;
use tick::Ticker;
use window::{Lists, Window};

pub(super) struct Ticks {
    db: DatabaseConnection,
    ticker: Ticker,
    lists: Lists,
}

impl Ticks {
    pub(super) fn new(db: DatabaseConnection, epoch: String) -> Self {
        Self {
            db,
            ticker: Ticker::new(epoch),
            lists: Lists::default(),
        }
    }
}

#[async_trait::async_trait]
impl LogReader for Ticks {
    async fn advance(&self) -> Result<Position, ReadError> {
        self.ticker.tick(&self.db).await
    }

    async fn horizon(&self) -> Result<Position, ReadError> {
        self.ticker.oldest(&self.db).await
    }

    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        if wanted.is_of_one_row() {
            // The index on keys is used, because there may be many ticks in between.
            let wanted = wanted.condition(&Postgres);
            let page = row_history::page_of(&self.db, wanted, Some(after), limit).await?;
            if after < self.horizon().await? {
                return Err(ReadError::Expired);
            }
            return Ok(page);
        }
        let mut position = after;
        let mut changes = Vec::new();
        // One more change than requested shows whether there are more.
        let most = limit.saturating_add(1);
        loop {
            let window = Window::after(&self.db, position).await?;
            if !window.continues(position) || window.is_empty() {
                break;
            }
            let left = most - changes.len() as u64;
            let (found, end, is_full) = window
                .read(&self.db, position, wanted, left, &self.lists)
                .await?;
            changes.extend(found);
            position = end;
            if is_full {
                break;
            }
        }
        // The horizon is checked after the rows are read, because retention and new epochs remove ticks
        // before rows.
        if after < self.horizon().await? {
            return Err(ReadError::Expired);
        }
        let has_more = changes.len() as u64 > limit;
        if has_more {
            changes.pop();
            position = changes.last().map_or(after, |change| change.position);
        }
        Ok(Page {
            changes,
            end: position,
            has_more,
        })
    }

    async fn finds_by_key(&self, row: &RowName) -> Result<bool, ReadError> {
        Ok(row_history::key_lookup_is_complete(&self.db, row).await?)
    }

    async fn moment(&self) -> Result<Moment, ReadError> {
        moment::open(&self.db, &self.ticker).await
    }

    fn signals(&self) -> Option<Signals> {
        Some(Signals::new(self.db.clone(), self.ticker.node().to_owned()))
    }
}
