//! The log by id: exact on SQLite, where one transaction writes at a time, and on a log that a
//! single sequencer writes.

use sea_orm::sea_query::{Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, TransactionTrait,
};

use super::change::Change;
use super::position::Position;
use super::selection::{Page, Selection};
use super::{LogReader, Moment, Ordering, ReadError};
use crate::{epoch, log};

pub(super) struct ById {
    db: DatabaseConnection,
}

impl ById {
    pub(super) fn new(db: DatabaseConnection) -> Self {
        Self { db }
    }
}

#[async_trait::async_trait]
impl LogReader for ById {
    fn ordering(&self) -> Ordering {
        Ordering::ById
    }

    async fn advance(&self) -> Result<Position, DbErr> {
        newest(&self.db).await
    }

    async fn horizon(&self) -> Result<Position, DbErr> {
        oldest(&self.db).await
    }

    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        page(&self.db, after, wanted, limit).await
    }

    async fn moment(&self) -> Result<Moment, DbErr> {
        // A read transaction of SQLite is a snapshot from its first read on.
        let tx = self.db.begin().await?;
        let position = newest(&tx).await?;
        Ok(Moment { tx, position })
    }
}

/// The newest position; the horizon, if nothing is kept after it. One query.
pub(super) async fn newest<C: ConnectionTrait>(db: &C) -> Result<Position, DbErr> {
    let newest = log::Entity::find()
        .select_only()
        .expr(log::Column::Id.max())
        .into_query();
    let select = Query::select()
        .expr_as(
            SimpleExpr::SubQuery(None, Box::new(newest.into())),
            "newest",
        )
        .column(epoch::Column::Horizon)
        .from(epoch::Entity)
        .take();
    let Some(row) = db.query_one(&select).await? else {
        return Ok(Position::START);
    };
    let newest: Option<i64> = row.try_get("", "newest")?;
    let horizon: i64 = row.try_get("", "horizon")?;
    Ok(Position::of_id(newest.unwrap_or(0).max(horizon)))
}

/// Before the oldest change kept.
pub(super) async fn oldest<C: ConnectionTrait>(db: &C) -> Result<Position, DbErr> {
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    Ok(epoch.map_or(Position::START, |epoch| Position::of_id(epoch.horizon)))
}

/// A page in order of id.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    after: Position,
    wanted: &Selection,
    limit: u64,
) -> Result<Page, ReadError> {
    let mut rows = log::Entity::find()
        .filter(Condition::all().add(log::Column::Id.gt(after.id)))
        .filter(wanted.condition(db.get_database_backend()))
        .order_by_asc(log::Column::Id)
        // One more than asked for tells whether there is more.
        .limit(limit.saturating_add(1))
        .all(db)
        .await?;
    // Looked at after the rows: retention moves the horizon first and deletes then.
    if after < oldest(db).await? {
        return Err(ReadError::Expired);
    }
    let has_more = rows.len() as u64 > limit;
    if has_more {
        rows.pop();
    }
    let place = |row: log::Model| Change {
        position: Position::of_id(row.id),
        row,
    };
    let changes: Vec<Change> = rows.into_iter().map(place).collect();
    let end = changes.last().map_or(after, |change| change.position);
    Ok(Page {
        changes,
        end,
        has_more,
    })
}
