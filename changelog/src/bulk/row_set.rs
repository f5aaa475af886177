//! One statement that sets columns of some locked rows to the same values.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Iterable, StatementBuilder};

use super::locked_rows::{CHUNK, PARAMETERS, has_returning, keys, lock, returning_all};
use super::{BulkEntity, table};
use crate::error::Retry;
use crate::image;
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Models, Row, among};
use crate::tracked::TrackedTransaction;
use crate::tracked::rows_statement::{Answer, RowsStatement};

/// The number of rows in one statement, as its parameters allow.
pub(super) fn members_at_a_time<E: EntityTrait>() -> usize {
    let rest = PARAMETERS.saturating_sub(E::Column::iter().count());
    (rest / keys::<E>().len().max(1)).clamp(1, CHUNK)
}

/// Sets columns of these rows and returns the rows as stored, in their order.
pub(super) async fn write_set<E: BulkEntity>(
    tx: &TrackedTransaction,
    set: Vec<(E::Column, Expr)>,
    rows: &[Row<E>],
    members: &[usize],
) -> Result<Vec<Row<E>>, DbErr> {
    let backend = tx.get_database_backend();
    let condition = among(members.iter().map(|place| &rows[*place]));
    let mut statement = Query::update();
    statement
        .table(E::default().table_ref())
        .cond_where(condition.clone())
        .values(set);
    let returns = has_returning(backend);
    if returns {
        statement.returning(returning_all::<E>(backend));
    }
    let answer = tx
        .write_rows(RowsStatement {
            table: table::<E>(),
            operation: Operation::Update,
            statement: StatementBuilder::build(&statement, &backend),
            rows: members.len(),
            answer: if returns { Answer::Rows } else { Answer::Count },
        })
        .await?;
    let models = Models::<E>::on(backend);
    // Columns that the database fills after the statement are not in its result.
    let is_told = returns && E::computed().is_empty();
    let stored = match models.all(answer).filter(|_| is_told) {
        Some(stored) => stored.into_iter().map(|(row, _)| row).collect(),
        None => lock::<E>(tx, condition, RowLock::Update, None).await?,
    };
    in_order(rows, members, stored)
}

/// Puts the rows into the order of these members.
fn in_order<E: BulkEntity>(
    rows: &[Row<E>],
    members: &[usize],
    stored: Vec<Row<E>>,
) -> Result<Vec<Row<E>>, DbErr> {
    let is_same = |(row, place): (&Row<E>, &usize)| row.has_key_of(&rows[*place]);
    if stored.len() == members.len() && stored.iter().zip(members).all(is_same) {
        return Ok(stored);
    }
    let mut by_key: HashMap<String, Row<E>> = stored
        .into_iter()
        .map(|row| (image::text_of(&row.key()), row))
        .collect();
    let ordered = members.iter().map(|place| {
        let row = by_key.remove(&image::text_of(&rows[*place].key()));
        let raced = || Retry::Raced {
            table: table::<E>().to_owned(),
        };
        row.ok_or_else(|| raced().into())
    });
    ordered.collect()
}
