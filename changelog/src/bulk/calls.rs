//! Calls that are described before they are awaited.

use std::pin::Pin;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, DbErr, EntityTrait, Iterable};

use super::expressions::Expression;
use super::update::{self, Changes};
use super::upsert::{self, OnExisting, Plan};
use super::{BulkEntity, Target, Written, all_held};
use crate::tracked::TrackedTransaction;

type Outcomes<E> = Result<Vec<Written<<E as EntityTrait>::Model>>, DbErr>;

/// An update of many rows, made by [`TrackedTransaction::update_where`]. Awaiting it runs it.
#[must_use = "awaiting it runs it"]
pub struct UpdateWhere<'a, E: BulkEntity> {
    tx: &'a TrackedTransaction,
    target: Target,
    changes: Changes<E>,
}

impl<E: BulkEntity> std::fmt::Debug for UpdateWhere<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpdateWhere")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl<'a, E: BulkEntity> UpdateWhere<'a, E> {
    pub(super) fn new(tx: &'a TrackedTransaction, target: Target) -> Self {
        Self {
            tx,
            target,
            changes: Changes {
                model: <E::ActiveModel as ActiveModelTrait>::default(),
                expressions: Vec::new(),
            },
        }
    }

    /// Sets a column of each row to what the database computes from the row, e.g. `stock - 3`. Of several
    /// expressions and values for a column the last one counts.
    ///
    /// A custom `before_save` hook sees the value, and may replace it. The expression is evaluated twice for a row:
    /// to compare, and when it is written. Rows are written at most 500 at a time, in key order, so an expression
    /// that reads other rows of the table sees some of them as they were and some as they are now.
    pub fn col_expr(mut self, column: E::Column, expr: impl Into<Expr>) -> Self {
        self.forget(column);
        let sql = expr.into();
        self.changes.expressions.push(Expression { column, sql });
        self
    }

    /// Sets the columns that are set in the model to its values.
    pub fn set(mut self, changes: E::ActiveModel) -> Self {
        for column in E::Column::iter() {
            let value = changes.get(column);
            if let ActiveValue::Set(value) = value {
                self.forget(column);
                self.changes.model.set(column, value);
            }
        }
        self
    }

    fn forget(&mut self, column: E::Column) {
        let is_same = |other: &Expression<E>| {
            sea_orm::IdenStatic::as_str(&other.column) == sea_orm::IdenStatic::as_str(&column)
        };
        self.changes.expressions.retain(|other| !is_same(other));
        self.changes.model.not_set(column);
    }
}

impl<'a, E: BulkEntity> IntoFuture for UpdateWhere<'a, E> {
    type Output = Outcomes<E>;
    type IntoFuture = Pin<Box<dyn Future<Output = Outcomes<E>> + Send + 'a>>;

    /// The rows in key order, as from [`TrackedTransaction::update_many`], and its errors.
    fn into_future(self) -> Self::IntoFuture {
        let Self {
            tx,
            target,
            changes,
        } = self;
        Box::pin(async move {
            let update = async { all_held::<E>(update::rows::<E>(tx, target, &changes).await?) };
            tx.savepoint(update).await
        })
    }
}

/// An insert or update of many rows, made by [`TrackedTransaction::upsert_many`]. Awaiting it runs it.
#[must_use = "awaiting it runs it"]
pub struct UpsertMany<'a, E: BulkEntity> {
    tx: &'a TrackedTransaction,
    models: Vec<E::ActiveModel>,
    plan: Plan<'a, E>,
}

impl<E: BulkEntity> std::fmt::Debug for UpsertMany<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpsertMany")
            .field("models", &self.models.len())
            .finish_non_exhaustive()
    }
}

impl<'a, E: BulkEntity> UpsertMany<'a, E> {
    pub(super) fn new(
        tx: &'a TrackedTransaction,
        models: Vec<E::ActiveModel>,
        unique: &'a [E::Column],
    ) -> Self {
        let plan = Plan {
            unique,
            existing: OnExisting::Updated,
        };
        Self { tx, models, plan }
    }

    /// Updates only these columns of a row that exists. The others of its model are for a row that is inserted.
    pub fn updating(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.plan.existing = OnExisting::UpdatedIn(columns.into_iter().collect());
        self
    }

    /// Leaves a row that exists as it is: its outcome is [`Written::Unchanged`], and none of its custom hooks
    /// runs.
    pub fn or_ignore(mut self) -> Self {
        self.plan.existing = OnExisting::Kept;
        self
    }
}

impl<'a, E: BulkEntity> IntoFuture for UpsertMany<'a, E> {
    type Output = Outcomes<E>;
    type IntoFuture = Pin<Box<dyn Future<Output = Outcomes<E>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { tx, models, plan } = self;
        Box::pin(async move {
            if models.is_empty() {
                return Ok(Vec::new());
            }
            let upsert = async { all_held::<E>(upsert::rows::<E>(tx, models, &plan).await?) };
            tx.savepoint(upsert).await
        })
    }
}
