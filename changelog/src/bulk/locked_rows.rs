//! Finding and locking rows: chunk by chunk by a condition, and by the values of columns.

use std::collections::HashMap;
use std::marker::PhantomData;

use sea_orm::sea_query::{IntoValueTuple, ReturningClause};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    IdenStatic, Iterable, PrimaryKeyTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    TryGetableMany, Value,
};

use super::{BulkEntity, Target, table};
use crate::database;
use crate::error::{BulkRefusal, Retry};
use crate::image::{self, Image};
use crate::reader::{Position, changed_after};
use crate::row_lock::{RowLock, lock_rows};
use crate::rows::{self, Models, Row, among as among_rows};
pub(super) use crate::rows::{among_values as among, keys};
use crate::tracked::TrackedTransaction;

/// Rows that are read and written at a time. Their keys stay far below the number of parameters that a
/// statement takes (SQLite 32,766, the others 65,535), and on SQLite below the maximum depth of an expression
/// (1,000), to which each alternative of a composite key adds.
pub(super) const CHUNK: usize = 500;

/// Parameters that one statement may use.
pub(super) const PARAMETERS: usize = 30_000;

/// A model's values in these columns, if all are set.
pub(super) fn values_in<A: ActiveModelTrait>(
    model: &A,
    columns: &[<A::Entity as EntityTrait>::Column],
) -> Option<Vec<Value>> {
    let values = columns.iter();
    values
        .map(|column| model.get(*column).into_value())
        .collect()
}

/// The rows that match the condition, in key order, locked until the transaction ends.
pub(super) async fn lock<E: BulkEntity>(
    tx: &TrackedTransaction,
    condition: Condition,
    row_lock: RowLock,
    limit: Option<usize>,
) -> Result<Vec<Row<E>>, DbErr> {
    let mut select = E::find().filter(condition);
    for column in keys::<E>() {
        select = select.order_by_asc(column);
    }
    let select = lock_rows(select, row_lock, tx.get_database_backend());
    rows::read(tx, select.limit(limit.map(|rows| rows as u64))).await
}

/// The rows as they are now, in the same order, without those that are gone.
pub(super) async fn relock<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Row<E>],
) -> Result<Vec<Row<E>>, DbErr> {
    let found = lock::<E>(tx, among_rows(rows.iter()), RowLock::Delete, None).await?;
    let mut by_key: HashMap<String, Row<E>> = found
        .into_iter()
        .map(|row| (image::text_of(&row.key()), row))
        .collect();
    let now = rows.iter();
    Ok(now
        .filter_map(|row| by_key.remove(&image::text_of(&row.key())))
        .collect())
}

/// The rows of a target, in key order, locked, chunk by chunk. One statement both tests and locks a row; a
/// row that another transaction makes match later is not touched.
pub(super) struct Chunks<E: EntityTrait> {
    target: Target,
    row_lock: RowLock,
    /// The condition for the rows after the last one read.
    rest: Option<Condition>,
    found: u64,
    is_done: bool,
    _entity: PhantomData<fn() -> E>,
}

impl<E: BulkEntity> Chunks<E> {
    pub(super) fn new(target: Target, row_lock: RowLock) -> Self {
        Self {
            target,
            row_lock,
            rest: None,
            found: 0,
            is_done: false,
            _entity: PhantomData,
        }
    }

    /// The next rows; empty at the end of the target.
    pub(super) async fn next(&mut self, tx: &TrackedTransaction) -> Result<Vec<Row<E>>, DbErr> {
        if self.is_done {
            return Ok(Vec::new());
        }
        let mut condition = Condition::all().add(self.target.condition.clone());
        if let Some(rest) = self.rest.take() {
            condition = condition.add(rest);
        }
        let rows = lock::<E>(tx, condition, self.row_lock, Some(CHUNK)).await?;
        self.found += rows.len() as u64;
        if self.found > self.target.most {
            return Err(BulkRefusal::TooMany {
                table: table::<E>().to_owned(),
                most: self.target.most,
            }
            .into());
        }
        if let Some(position) = self.target.unchanged_since {
            check_unchanged::<E>(tx, &rows, position).await?;
        }
        self.is_done = rows.len() < CHUNK;
        self.rest = rows.last().map(Row::after);
        Ok(rows)
    }
}

/// Refuses locked rows that another transaction has changed after a position of the log.
async fn check_unchanged<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Row<E>],
    position: Position,
) -> Result<(), DbErr> {
    let keys: Vec<Image> = rows.iter().map(Row::key).collect();
    let entity = table::<E>();
    let changed = changed_after(tx, entity, &keys, position, tx.transaction_id()).await?;
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed.into_iter();
    let current = changed.map(|place| rows[place].image().clone()).collect();
    let table = entity.to_owned();
    Err(BulkRefusal::ChangedSince { table, current }.into())
}

/// Whether statements return the rows that they wrote. MariaDB's rows are read back by key.
pub(super) fn has_returning(backend: DbBackend) -> bool {
    database::on(backend).facts().returning
}

/// The rows as stored. They are read again if the database fills some of their columns after the write.
pub(super) async fn as_stored<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: Vec<Row<E>>,
) -> Result<Vec<Row<E>>, DbErr> {
    if E::computed().is_empty() || rows.is_empty() {
        return Ok(rows);
    }
    let count = rows.len();
    let stored = relock::<E>(tx, &rows).await?;
    if stored.len() < count {
        let table = table::<E>().to_owned();
        return Err(Retry::Raced { table }.into());
    }
    Ok(stored)
}

/// All columns, as a query would select them.
pub(super) fn returning_all<E: EntityTrait>(backend: DbBackend) -> ReturningClause {
    let columns = E::Column::iter();
    sea_orm::sea_query::Query::returning()
        .exprs(columns.map(|column| column.select_as(column.into_returning_expr(backend))))
}

/// The rows of a statement's result. If one of them does not fit its model, all are read again by their keys;
/// this transaction has written them, so no other can have changed them since.
pub(super) async fn answered<E: BulkEntity>(
    tx: &TrackedTransaction,
    answer: Vec<QueryResult>,
) -> Result<Vec<Row<E>>, DbErr> {
    let models = Models::<E>::on(tx.get_database_backend());
    let mut rows = Vec::with_capacity(answer.len());
    for row in &answer {
        match models.row(row) {
            Some(row) => rows.push(row),
            None => {
                let columns = keys::<E>();
                let tuples = answer.iter().map(key_of::<E>).collect::<Result<_, _>>()?;
                return lock::<E>(tx, among(&columns, tuples), RowLock::Update, None).await;
            }
        }
    }
    Ok(rows)
}

/// The key in a result row.
fn key_of<E: EntityTrait>(answer: &QueryResult) -> Result<Vec<Value>, DbErr> {
    type Key<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;
    let columns = keys::<E>();
    let names: Vec<String> = columns
        .iter()
        .map(|column| column.as_str().to_owned())
        .collect();
    let key = Key::<E>::try_get_many(answer, "", &names)?;
    Ok(key.into_value_tuple().into_iter().collect())
}
