//! PostgreSQL: ticks, the design of PgQ.
//!
//! A row's xid says which transaction wrote it. A tick stores the server's snapshot; batch N is what
//! tick N sees and tick N−1 does not, so it never changes and is the same for every reader, and an
//! open transaction delays nothing but itself. Ids are taken before commit and xids before that, so
//! neither is an order by itself (measured in design: readers by id lose 38–43 % under 12 writers).
//!
//! A transaction's rows become visible at once, so each transaction lies in one batch. Within a
//! batch transactions are in the order of their largest id: one that waited for another's row lock
//! took its next id after every id of that one.

mod moment;
mod snapshot;
mod tick;
mod window;

use sea_orm::{DatabaseConnection, DbErr};

use super::position::Position;
use super::selection::{Page, Selection};
use super::{LogReader, Moment, Ordering, ReadError};
pub(crate) use tick::LOCK as TICK_LOCK;
use window::{Lists, Window};

pub(super) struct Ticks {
    db: DatabaseConnection,
    lists: Lists,
}

impl Ticks {
    pub(super) fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            lists: Lists::default(),
        }
    }
}

#[async_trait::async_trait]
impl LogReader for Ticks {
    fn ordering(&self) -> Ordering {
        Ordering::Ticks
    }

    async fn advance(&self) -> Result<Position, DbErr> {
        tick::tick(&self.db).await
    }

    async fn horizon(&self) -> Result<Position, DbErr> {
        tick::oldest(&self.db).await
    }

    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        let mut position = after;
        let mut changes = Vec::new();
        // One more than asked for tells whether there is more.
        let most = limit.saturating_add(1);
        loop {
            let window = Window::after(&self.db, position).await?;
            if !window.continues(position) {
                return Err(ReadError::Expired);
            }
            if window.is_empty() {
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

    async fn moment(&self) -> Result<Moment, DbErr> {
        moment::open(&self.db).await
    }
}
