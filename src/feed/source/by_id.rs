//! The log by id: exact where one transaction writes at a time, as on SQLite.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use seachange_changelog::log;

use super::Source;
use crate::feed::change::Change;
use crate::feed::cursor::Position;
use crate::feed::selection::{Page, Selection};

pub(crate) struct ById {
    db: DatabaseConnection,
}

impl ById {
    pub(crate) fn new(db: DatabaseConnection) -> Self {
        Self { db }
    }
}

#[async_trait::async_trait]
impl Source for ById {
    async fn head(&self) -> Result<Position, DbErr> {
        newest(&self.db).await
    }

    async fn head_in(&self, tx: &DatabaseTransaction) -> Result<Position, DbErr> {
        newest(tx).await
    }

    async fn read(&self, after: Position, wanted: &Selection, limit: u64) -> Result<Page, DbErr> {
        let mut rows = log::Entity::find()
            .filter(log::Column::Id.gt(after.id))
            .filter(condition(wanted, self.db.get_database_backend()))
            .order_by_asc(log::Column::Id)
            // One more than asked for tells whether there is more.
            .limit(limit.saturating_add(1))
            .all(&self.db)
            .await?;
        let has_more = rows.len() as u64 > limit;
        if has_more {
            rows.pop();
        }
        let changes: Vec<Change> = rows
            .into_iter()
            .map(|row| Change {
                position: Position::of_id(row.id),
                row,
            })
            .collect();
        let end = changes.last().map_or(after, |change| change.position);
        Ok(Page {
            changes,
            end,
            has_more,
        })
    }
}

async fn newest<C: ConnectionTrait>(db: &C) -> Result<Position, DbErr> {
    let id: Option<i64> = log::Entity::find()
        .select_only()
        .column(log::Column::Id)
        .order_by_desc(log::Column::Id)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(id.map_or(Position::START, Position::of_id))
}

/// The selection as SQL; [`Selection::admits`] is the same in memory.
fn condition(wanted: &Selection, backend: DbBackend) -> Condition {
    let Selection {
        entities,
        operations,
        key,
        actor,
        transaction_id,
    } = wanted;
    Condition::all()
        .add_option(entities.as_ref().map(|list| log::Column::Entity.is_in(list)))
        .add_option(
            operations
                .as_ref()
                .map(|list| log::Column::Operation.is_in(list.iter().copied())),
        )
        .add_option(key.as_ref().map(|key| {
            // Keys are stored as JSON text with sorted keys, so equal text is an equal key.
            let text = serde_json::Value::Object(key.clone()).to_string();
            let stored = Expr::col((log::Entity, log::Column::RowKey));
            match backend {
                DbBackend::Postgres => stored.cast_as("text").eq(text),
                _ => stored.eq(text),
            }
        }))
        .add_option(actor.as_ref().map(|actor| log::Column::Actor.eq(actor)))
        .add_option(
            transaction_id
                .as_ref()
                .map(|id| log::Column::TransactionId.eq(id)),
        )
}
