//! Finding rows: by a condition chunk by chunk, and by the values of columns; locked.

use std::marker::PhantomData;

use sea_orm::sea_query::ReturningClause;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    FromQueryResult, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Value,
};

use super::delete::again;
use super::{BulkEntity, Target, table};
use crate::error::CaptureError;
use crate::image;
use crate::reader::{Position, changed_after};
use crate::row_lock::{RowLock, lock_rows};
use crate::tracked::TrackedTransaction;

/// Rows read and written at a time: their keys stay far below the parameters that a statement takes
/// (SQLite 32,766, the others 65,535), and on SQLite below the depth that an expression may have
/// (1,000), which counts the alternatives of a composite key.
pub(super) const CHUNK: usize = 500;

/// Parameters that one statement may use.
pub(super) const PARAMETERS: usize = 30_000;

/// The columns of the primary key.
pub(super) fn keys<E: EntityTrait>() -> Vec<E::Column> {
    E::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect()
}

/// A row's values in columns.
pub(super) fn values_of<M: ModelTrait>(
    row: &M,
    columns: &[<M::Entity as EntityTrait>::Column],
) -> Vec<Value> {
    columns.iter().map(|column| row.get(*column)).collect()
}

/// A model's values in columns, if all are set.
pub(super) fn values_in<A: ActiveModelTrait>(
    model: &A,
    columns: &[<A::Entity as EntityTrait>::Column],
) -> Option<Vec<Value>> {
    let values = columns.iter();
    values
        .map(|column| model.get(*column).into_value())
        .collect()
}

/// The rows whose columns have one of these tuples of values.
pub(super) fn among<C: ColumnTrait>(columns: &[C], tuples: Vec<Vec<Value>>) -> Condition {
    if let [column] = columns {
        return Condition::all().add(column.is_in(tuples.into_iter().flatten()));
    }
    tuples.into_iter().fold(Condition::any(), |any, tuple| {
        let all = columns.iter().zip(tuple);
        any.add(all.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value))
        }))
    })
}

/// The rows after a key, in key order: (a > x) or (a = x and b > y) …
fn after<C: ColumnTrait>(columns: &[C], key: &[Value]) -> Condition {
    let steps = columns.iter().zip(key).enumerate();
    steps.fold(Condition::any(), |any, (index, (column, value))| {
        let same = columns.iter().zip(key).take(index);
        let prefix = same.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value.clone()))
        });
        any.add(prefix.add(column.gt(value.clone())))
    })
}

/// Rows that the condition names, in key order, locked until the transaction ends.
pub(super) async fn lock<E: BulkEntity>(
    tx: &TrackedTransaction,
    condition: Condition,
    row_lock: RowLock,
    limit: Option<usize>,
) -> Result<Vec<E::Model>, DbErr> {
    let mut select = E::find().filter(condition);
    for column in keys::<E>() {
        select = select.order_by_asc(column);
    }
    let select = lock_rows(select, row_lock, tx.get_database_backend());
    select.limit(limit.map(|rows| rows as u64)).all(tx).await
}

/// The rows of a target, in key order, locked, chunk by chunk. A row is judged and locked in one
/// statement; one that another transaction makes match later is not touched.
pub(super) struct Chunks<E: EntityTrait> {
    target: Target,
    row_lock: RowLock,
    last: Option<Vec<Value>>,
    found: u64,
    is_done: bool,
    _entity: PhantomData<fn() -> E>,
}

impl<E: BulkEntity> Chunks<E> {
    pub(super) fn new(target: Target, row_lock: RowLock) -> Self {
        Self {
            target,
            row_lock,
            last: None,
            found: 0,
            is_done: false,
            _entity: PhantomData,
        }
    }

    /// The next rows; empty at the end.
    pub(super) async fn next(&mut self, tx: &TrackedTransaction) -> Result<Vec<E::Model>, DbErr> {
        if self.is_done {
            return Ok(Vec::new());
        }
        let keys = keys::<E>();
        let mut condition = Condition::all().add(self.target.condition.clone());
        if let Some(key) = &self.last {
            condition = condition.add(after(&keys, key));
        }
        let rows = lock::<E>(tx, condition, self.row_lock, Some(CHUNK)).await?;
        self.found += rows.len() as u64;
        if self.found > self.target.most {
            return Err(CaptureError::TooMany {
                table: table::<E>().to_owned(),
                most: self.target.most,
            }
            .into());
        }
        if let Some(position) = self.target.unchanged_since {
            check_unchanged::<E>(tx, &rows, position).await?;
        }
        self.is_done = rows.len() < CHUNK;
        self.last = rows.last().map(|row| values_of(row, &keys));
        Ok(rows)
    }
}

/// Refuses rows, locked by this transaction, that another has changed after a position of the log.
async fn check_unchanged<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[E::Model],
    position: Position,
) -> Result<(), DbErr> {
    let keys = rows
        .iter()
        .map(image::key_of)
        .collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(CaptureError::from)?;
    let entity = table::<E>();
    let changed = changed_after(tx, entity, &keys, position, tx.transaction_id()).await?;
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed
        .into_iter()
        .map(|place| image::image_of(&rows[place]));
    let current = changed
        .collect::<Result<_, _>>()
        .map_err(CaptureError::from)?;
    let table = entity.to_owned();
    Err(CaptureError::ChangedSince { table, current }.into())
}

/// Whether statements tell the rows they wrote. MariaDB's are read back by key: its UPDATE cannot,
/// and the two ways must not tell different images.
pub(super) fn has_returning(backend: DbBackend) -> bool {
    backend != DbBackend::MySql
}

/// The rows as they are stored, where the database fills columns of them after they were written.
pub(super) async fn as_stored<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: Vec<E::Model>,
) -> Result<Vec<E::Model>, DbErr> {
    if E::computed().is_empty() || rows.is_empty() {
        return Ok(rows);
    }
    let count = rows.len();
    let stored = again::<E>(tx, &rows).await?;
    if stored.len() < count {
        let table = table::<E>().to_owned();
        return Err(CaptureError::Raced { table }.into());
    }
    Ok(stored)
}

/// All columns, as a query would select them.
pub(super) fn returning_all<E: EntityTrait>(backend: DbBackend) -> ReturningClause {
    let columns = E::Column::iter();
    sea_orm::sea_query::Query::returning()
        .exprs(columns.map(|column| column.select_as(column.into_returning_expr(backend))))
}

/// The rows of a statement's answer.
pub(super) fn models<E: EntityTrait>(answer: &[QueryResult]) -> Result<Vec<E::Model>, DbErr> {
    answer
        .iter()
        .map(|row| E::Model::from_query_result(row, ""))
        .collect()
}
