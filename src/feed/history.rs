//! The history of one row or one transaction in the log. Unlike the feed, it reaches behind the
//! horizon, as far as changes are kept.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{DatabaseConnection, EntityTrait};
use seachange_changelog::internal::reader::{
    self, Change, Past, Position, ReadError, RowName, Selection,
};
use seachange_changelog::internal::{epoch, in_log};

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::handle::Feed;
use super::log::Log;
use super::page::Page;
use super::run_detached::run_detached;
use super::start::Start;

/// A moment in a row's life.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum When {
    /// After all changes up to the cursor.
    At(Cursor),
    /// After all changes that were recorded by this time.
    By(DateTime<Utc>),
}

/// A change named by its cursor, or the changes of a transaction, and the log's epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) epoch: Epoch,
    pub(crate) changes: Vec<Change>,
}

impl Feed {
    /// Up to `limit` changes of a row from `start`, in order. [`Start::Oldest`] means the oldest
    /// kept change, where the feed may begin later.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`]. A cursor behind the horizon is [`FeedError::CursorExpired`], unless
    /// it is that of a kept change of this row: then nothing is missing after it. [`FeedError::Unknown`] if the log
    /// does not know the table, or if this is not a key of it.
    pub async fn history(
        &self,
        start: &Start,
        row: &RowName,
        limit: u64,
    ) -> Result<Page, FeedError> {
        let (log, head) = self.followed().await?;
        let after = match start {
            Start::Now => Some(head),
            Start::Oldest => None,
            Start::After(cursor) => Some(on_log(&log, cursor, head)?),
        };
        let (db, row) = (self.database(), row.clone());
        run_detached(async move {
            let row = in_log(&db, &row).await?;
            let page = reader::of_row(&db, &row, after, limit).await?;
            // This comes after the rows were read, because retention moves the horizon first and
            // deletes then.
            if let Some(after) = after {
                check_kept(&db, &log, &row, after).await?;
            }
            Ok(Page::new(&log.epoch, page))
        })
        .await
    }

    /// Up to `limit` changes of a row, the newest first: from the newest, or from the one before the change that
    /// `before` names. The page's end is where to continue.
    ///
    /// # Errors
    /// The same as for [`Feed::history`].
    pub async fn latest(
        &self,
        before: Option<&Cursor>,
        row: &RowName,
        limit: u64,
    ) -> Result<Page, FeedError> {
        let (log, head) = self.followed().await?;
        let before = before
            .map(|cursor| on_log(&log, cursor, head))
            .transpose()?;
        let (db, row) = (self.database(), row.clone());
        run_detached(async move {
            let row = in_log(&db, &row).await?;
            if let Some(before) = before {
                check_kept(&db, &log, &row, before).await?;
            }
            let page = reader::of_row_backwards(&db, &row, before, limit).await?;
            Ok(Page::new(&log.epoch, page))
        })
        .await
    }

    /// Where to begin so that at least the newest `count` changes of the wanted tables follow, or all changes
    /// if there are no more. What else is wanted is not considered.
    ///
    /// # Errors
    /// The same as for [`Feed::head`].
    pub async fn before_newest(&self, wanted: &Selection, count: u64) -> Result<Start, FeedError> {
        let (log, _) = self.followed().await?;
        let (db, entities) = (self.database(), wanted.entities.clone());
        run_detached(async move {
            let before = reader::before_newest(&db, entities.as_deref(), count).await?;
            let horizon = log.horizon().await?;
            let before = before.filter(|position| *position > horizon);
            Ok(before.map_or(Start::Oldest, |position| Start::After(log.cursor(position))))
        })
        .await
    }

    /// What the log knows of a row at a moment.
    ///
    /// # Errors
    /// The same as for [`Feed::history`]. For a time, [`FeedError::CursorExpired`] if changes of the row between
    /// that time and the oldest kept one may have been removed.
    pub async fn past(&self, row: &RowName, when: &When) -> Result<Past, FeedError> {
        let (log, head) = self.followed().await?;
        let at = match when {
            When::At(cursor) => Ok(on_log(&log, cursor, head)?),
            When::By(time) => Err(*time),
        };
        let (db, row) = (self.database(), row.clone());
        run_detached(async move {
            let row = in_log(&db, &row).await?;
            let past = match at {
                Ok(position) => {
                    let past = reader::state_at(&db, &row, position).await?;
                    check_kept(&db, &log, &row, position).await?;
                    past
                }
                Err(time) => {
                    let past = reader::state_by(&db, &row, time).await?;
                    if !matches!(past, Past::Made(_)) && has_pruned_after(&db, time).await? {
                        return Err(FeedError::CursorExpired);
                    }
                    past
                }
            };
            Ok(past)
        })
        .await
    }

    /// The change that a cursor names, after those interim changes of the same row and transaction that came directly
    /// before it; empty if the cursor does not name a change.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`]; [`FeedError::CursorExpired`] for a change that is no longer kept.
    pub(crate) async fn change(&self, cursor: &Cursor) -> Result<Named, FeedError> {
        let (log, head) = self.followed().await?;
        let position = on_log(&log, cursor, head)?;
        let db = self.database();
        run_detached(async move {
            let change = reader::change_named(&db, position).await?;
            if change.is_none() && position < log.horizon().await? {
                return Err(FeedError::CursorExpired);
            }
            let mut changes = match &change {
                Some(change) => reader::interim_before(&db, &change.row).await?,
                None => Vec::new(),
            };
            changes.extend(change);
            Ok(Named {
                epoch: log.epoch,
                changes,
            })
        })
        .await
    }

    /// Up to `limit` changes of a transaction, in order, or an error if one of them may have been
    /// removed.
    ///
    /// # Errors
    /// [`FeedError::Busy`] if the transaction is committed but its changes have no positions yet;
    /// [`FeedError::CursorExpired`] if retention may have removed some of it.
    pub(crate) async fn transaction(
        &self,
        transaction_id: &str,
        limit: u64,
    ) -> Result<Named, FeedError> {
        let (log, _) = self.followed().await?;
        let (db, id) = (self.database(), transaction_id.to_owned());
        run_detached(async move {
            let waits = reader::is_waiting(&db, &id).await?;
            let changes = reader::of_transaction(&db, &id, limit).await?;
            if waits && changes.is_empty() {
                return Err(FeedError::Busy);
            }
            let oldest = changes.iter().map(|change| change.position).min();
            let horizon = log.horizon().await?;
            let is_behind = oldest.is_some_and(|oldest| oldest <= horizon);
            if is_behind && has_pruned_after(&db, DateTime::<Utc>::MIN_UTC).await? {
                return Err(FeedError::CursorExpired);
            }
            Ok(Named {
                epoch: log.epoch,
                changes,
            })
        })
        .await
    }
}

/// The cursor's position, if it belongs to this log and is not ahead of it.
fn on_log(log: &Log, cursor: &Cursor, head: Position) -> Result<Position, FeedError> {
    if cursor.epoch != log.epoch || cursor.position > head {
        return Err(FeedError::ResyncRequired);
    }
    Ok(cursor.position)
}

/// Refuses a position after which changes of the row may have been removed.
async fn check_kept(
    db: &DatabaseConnection,
    log: &Log,
    row: &RowName,
    position: Position,
) -> Result<(), FeedError> {
    let is_reached = position >= log.horizon().await?;
    if is_reached || reader::is_change_of(db, row, position).await? {
        return Ok(());
    }
    Err(FeedError::CursorExpired)
}

/// Whether changes recorded after the time may have been removed.
async fn has_pruned_after(db: &DatabaseConnection, time: DateTime<Utc>) -> Result<bool, FeedError> {
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    let pruned = epoch.ok_or(ReadError::Replaced)?.pruned_before;
    let time = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    Ok(pruned.is_some_and(|before| before > time))
}
