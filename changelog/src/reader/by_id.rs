//! The log by id. This order is exact on SQLite, where one transaction writes at a time, and on a log that a
//! single sequencer writes.

use sea_orm::sea_query::{Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, TransactionTrait,
};

use super::change::Change;
use super::position::Position;
use super::selection::{Page, Selection};
use super::stored_rows::{self, Rows};
use super::{LogReader, Moment, ReadError, RowName, row_history};
use crate::{database, epoch, log};

pub(super) struct ById {
    db: DatabaseConnection,
    epoch: String,
}

impl ById {
    pub(super) fn new(db: DatabaseConnection, epoch: String) -> Self {
        Self { db, epoch }
    }
}

#[async_trait::async_trait]
impl LogReader for ById {
    async fn advance(&self) -> Result<Position, ReadError> {
        newest(&self.db, &self.epoch).await
    }

    async fn horizon(&self) -> Result<Position, ReadError> {
        oldest(&self.db, &self.epoch).await
    }

    async fn read(
        &self,
        after: Position,
        wanted: &Selection,
        limit: u64,
    ) -> Result<Page, ReadError> {
        page(&self.db, &self.epoch, after, wanted, limit).await
    }

    async fn finds_by_key(&self, row: &RowName) -> Result<bool, ReadError> {
        Ok(row_history::key_lookup_is_complete(&self.db, row).await?)
    }

    async fn moment(&self) -> Result<Moment, ReadError> {
        // A read transaction of SQLite sees one snapshot from its first read on.
        let tx = self.db.begin().await?;
        let position = newest(&tx, &self.epoch).await?;
        Ok(Moment { tx, position })
    }
}

/// The newest position, or the horizon if no later change is kept. It is one query.
pub(super) async fn newest<C: ConnectionTrait>(db: &C, name: &str) -> Result<Position, ReadError> {
    let newest = log::Entity::find()
        .select_only()
        .expr(log::Column::Id.max())
        .into_query();
    let select = Query::select()
        .expr_as(
            SimpleExpr::SubQuery(None, Box::new(newest.into())),
            "newest",
        )
        .columns([epoch::Column::Horizon, epoch::Column::Epoch])
        .from(epoch::Entity)
        .take();
    let row = db.query_one(&select).await?.ok_or(ReadError::Replaced)?;
    if row.try_get::<String>("", "epoch")? != name {
        return Err(ReadError::Replaced);
    }
    let newest: Option<i64> = row.try_get("", "newest")?;
    let horizon: i64 = row.try_get("", "horizon")?;
    Ok(Position::of_id(newest.unwrap_or(0).max(horizon)))
}

/// The position before the oldest change kept.
pub(super) async fn oldest<C: ConnectionTrait>(db: &C, name: &str) -> Result<Position, ReadError> {
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    let here = epoch.filter(|epoch| epoch.epoch == name);
    here.map(|epoch| Position::of_id(epoch.horizon))
        .ok_or(ReadError::Replaced)
}

/// A page in order of id.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    name: &str,
    after: Position,
    wanted: &Selection,
    limit: u64,
) -> Result<Page, ReadError> {
    let dialect = database::of(db);
    let select = stored_rows::select(dialect)
        .filter(Condition::all().add(log::Column::Id.gt(after.id)))
        .filter(wanted.condition(dialect))
        .order_by_asc(log::Column::Id)
        // One more row than requested shows whether there are more.
        .limit(limit.saturating_add(1))
        .into_query();
    let rows = Rows::of(&db.query_all(&select).await?, dialect)?;
    // The horizon is checked after the rows are read, because retention moves it first and deletes then.
    if after < oldest(db, name).await? {
        return Err(ReadError::Expired);
    }
    let mut rows = rows.read(db).await?;
    let has_more = rows.len() as u64 > limit;
    if has_more {
        rows.pop();
    }
    let end = rows.last().map_or(after, |row| Position::of_id(row.id));
    let place = |row: log::Model| Change {
        position: Position::of_id(row.id),
        row,
    };
    let mut changes: Vec<Change> = rows.into_iter().map(place).collect();
    // The SQL compares a key's text, of which SQLite's triggers write two forms.
    changes.retain(|change| wanted.admits(change));
    Ok(Page {
        changes,
        end,
        has_more,
    })
}
