//! Values that the database computes for each row of an update, e.g. `stock = stock - 1`.
//!
//! Hooks, the comparison with the stored row and the time stamp need a value before it is written. So the expressions
//! are first evaluated: the locked rows are updated and read in a savepoint that is rolled back. That gives exactly
//! what the database would store, by its own conversions and the adopter's triggers. Rows that change in the same way
//! are then written by one statement with the expressions themselves.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, DbErr, EntityTrait, Value};

use super::row_set::{members_at_a_time, write_set};
use super::{BulkEntity, table};
use crate::error::BulkRefusal;
use crate::image;
use crate::registry::Tracked;
use crate::rows::Row;
use crate::tracked::TrackedTransaction;

/// A column, and the SQL for its value.
#[derive(Clone, Debug)]
pub(super) struct Expression<E: EntityTrait> {
    pub(super) column: E::Column,
    pub(super) sql: Expr,
}

/// What expressions yield for the rows of a chunk.
pub(super) struct Evaluated<E: EntityTrait> {
    expressions: Vec<Expression<E>>,
    /// For each row, the values of the expressions in their order.
    values: Vec<Vec<Value>>,
}

/// How the trial of an update ends, so that it is rolled back.
enum Trial<E: EntityTrait> {
    Done(Vec<Row<E>>),
    Failed(DbErr),
}

impl<E: EntityTrait> From<DbErr> for Trial<E> {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Finds out what the expressions yield for locked rows. Those for columns that only the server or the database fills
/// are left out, as values for them are.
pub(super) async fn evaluate<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Row<E>],
    expressions: &[Expression<E>],
) -> Result<Evaluated<E>, DbErr> {
    let is_ours =
        |set: &&Expression<E>| !E::is_managed(&set.column) && !E::is_computed(&set.column);
    let expressions: Vec<Expression<E>> = expressions.iter().filter(is_ours).cloned().collect();
    if expressions.is_empty() {
        return Ok(Evaluated {
            expressions,
            values: Vec::new(),
        });
    }
    let trial = tx.savepoint(async {
        let tried = trial::<E>(tx, rows, &expressions).await?;
        Err::<(), _>(Trial::Done(tried))
    });
    let tried = match trial.await {
        Err(Trial::Done(tried)) => tried,
        Err(Trial::Failed(error)) => return Err(error),
        Ok(()) => Vec::new(),
    };
    let mut values = Vec::with_capacity(tried.len());
    for row in &tried {
        let of_row = expressions.iter().map(|set| row.value(set.column));
        let of_row: Option<Vec<Value>> = of_row.collect();
        values.push(of_row.ok_or_else(no_model::<E>)?);
    }
    Ok(Evaluated {
        expressions,
        values,
    })
}

/// The rows as they would be.
async fn trial<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Row<E>],
    expressions: &[Expression<E>],
) -> Result<Vec<Row<E>>, DbErr> {
    let mut tried = Vec::with_capacity(rows.len());
    let places: Vec<usize> = (0..rows.len()).collect();
    for members in places.chunks(members_at_a_time::<E>()) {
        let set = expressions.iter();
        let set = set.map(|set| (set.column, set.sql.clone())).collect();
        tried.extend(write_set::<E>(tx, set, rows, members).await?);
    }
    Ok(tried)
}

fn no_model<E: EntityTrait>() -> DbErr {
    let table = table::<E>().to_owned();
    BulkRefusal::NoModel { table }.into()
}

impl<E: EntityTrait> Evaluated<E> {
    fn of_row(&self, place: usize) -> impl Iterator<Item = (&Expression<E>, &Value)> {
        let values = self.values.get(place).map(Vec::as_slice);
        self.expressions.iter().zip(values.unwrap_or_default())
    }

    /// Sets the values for a row on its model.
    pub(super) fn set(&self, place: usize, model: &mut E::ActiveModel) -> Result<(), DbErr> {
        for (set, value) in self.of_row(place) {
            if !image::try_set(model, set.column, value.clone()) {
                return Err(no_model::<E>());
            }
        }
        Ok(())
    }

    /// The expressions whose values the row's model still has. Takes these values off the model, so that the
    /// statement computes them.
    pub(super) fn take(
        &self,
        place: usize,
        model: &mut E::ActiveModel,
    ) -> Result<Vec<Expression<E>>, DbErr>
    where
        E: Tracked,
    {
        let mut taken = Vec::new();
        for (set, value) in self.of_row(place) {
            let ActiveValue::Set(wanted) = model.get(set.column) else {
                continue;
            };
            // A hook may have chosen another value. Both are compared as the database stores them.
            let ty = set.column.def();
            let stored = image::canonical(ty.get_column_type(), value.clone());
            if wanted == stored {
                model.not_set(set.column);
                taken.push(set.clone());
            }
        }
        Ok(taken)
    }
}
