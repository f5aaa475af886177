//! Writes of many rows by few statements, recorded as single writes are.
//!
//! SeaORM's `insert_many`, `update_many` and `delete_many` run no hooks; these calls on a
//! [`TrackedTransaction`] replace them. Rows are locked by the caller's condition in key order, compared, and
//! written **by the keys of the locked rows**, never by the condition again: a row that comes to match in
//! between would change without an image. Images, time stamps and an entity's custom hooks are those of
//! single writes; only the order differs: for a chunk of at most 500 rows all `before_*` run first, then the
//! statements, then the log, then all `after_*`.
//!
//! Each call takes full effect or, after an error, none, and the transaction can continue; so do not run
//! other writes of the transaction concurrently. If the call's future is dropped, the transaction does not
//! commit. The rows of one call are held in memory.

mod calls;
mod custom_hooks;
mod delete;
mod expressions;
mod image_rows;
mod insert;
mod locked_rows;
mod row_order;
mod row_set;
mod unfit;
mod update;
mod upsert;
mod written;

pub use calls::{UpdateWhere, UpsertMany};
pub use written::{Target, Written};

use sea_orm::{ActiveModelBehavior, DbErr, EntityTrait, IntoActiveModel};

use crate::capture::Hooks;
use crate::error::BulkRefusal;
use crate::registry::Tracked;
use crate::rows::Stored;
use crate::tracked::TrackedTransaction;

/// An entity whose rows can be written many at a time: every tracked one that uses SeaORM's derives.
pub trait BulkEntity:
    Tracked<
        Model: Sync + IntoActiveModel<Self::ActiveModel>,
        ActiveModel: ActiveModelBehavior + Hooks + Send + Sync,
    >
{
}

impl<E> BulkEntity for E where
    E: Tracked<
            Model: Sync + IntoActiveModel<E::ActiveModel>,
            ActiveModel: ActiveModelBehavior + Hooks + Send + Sync,
        >
{
}

impl TrackedTransaction {
    /// Inserts rows and returns them as stored, in the order given.
    ///
    /// Keys that the database assigns are assigned in that order too. Rows that set the same columns
    /// share a statement.
    ///
    /// # Errors
    /// As for a single insert; nothing of the call is then kept.
    pub async fn insert_many<E: BulkEntity>(
        &self,
        models: impl IntoIterator<Item = E::ActiveModel>,
    ) -> Result<Vec<E::Model>, DbErr> {
        let models: Vec<E::ActiveModel> = models.into_iter().collect();
        if models.is_empty() {
            return Ok(Vec::new());
        }
        let insert = async { held::<E>(insert::rows::<E>(self, models).await?) };
        self.savepoint(insert).await
    }

    /// Like [`insert_many`](Self::insert_many), but also accepts rows that, as the database stores them, the
    /// model cannot hold.
    ///
    /// # Errors
    /// As for a single insert; nothing of the call is then kept.
    pub async fn insert_rows<E: BulkEntity>(
        &self,
        models: impl IntoIterator<Item = E::ActiveModel>,
    ) -> Result<Vec<Stored<E::Model>>, DbErr> {
        let models: Vec<E::ActiveModel> = models.into_iter().collect();
        if models.is_empty() {
            return Ok(Vec::new());
        }
        self.savepoint(insert::rows::<E>(self, models)).await
    }

    /// Updates the rows of `target` with the columns set in `changes`, and returns them in key order:
    /// [`Written::Updated`], or [`Written::Unchanged`] if the row had these values already; such a row is
    /// neither written nor recorded.
    ///
    /// Rows that get the same values share a statement. A row deleted meanwhile is not updated.
    ///
    /// # Errors
    /// As for a single update; [`BulkRefusal::KeyChanged`](crate::BulkRefusal::KeyChanged) if a key would
    /// change, [`BulkRefusal::TooMany`](crate::BulkRefusal::TooMany) beyond the target's bound;
    /// [`BulkRefusal::NoModel`](crate::BulkRefusal::NoModel) if one of the rows has a value that the model
    /// cannot hold. Nothing of the call is then kept.
    pub async fn update_many<E: BulkEntity>(
        &self,
        target: Target,
        changes: E::ActiveModel,
    ) -> Result<Vec<Written<E::Model>>, DbErr> {
        self.update_where::<E>(target).set(changes).await
    }

    /// Updates the rows of `target` with constants and with expressions that the database computes, as SeaORM's
    /// `Entity::update_many()` does:
    ///
    /// ```
    /// # use sea_orm::ExprTrait;
    /// # use sea_orm::entity::prelude::*;
    /// # use seachange_changelog::{Target, TrackedTransaction, Written};
    /// # mod product {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[sea_orm::model]
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "product")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key)]
    /// #         pub id: i64,
    /// #         pub stock: i32,
    /// #     }
    /// #     seachange_changelog::track!();
    /// # }
    /// # async fn sell(tx: &TrackedTransaction) -> Result<Vec<Written<product::Model>>, DbErr> {
    /// tx.update_where::<product::Entity>(Target::matching(product::Column::Stock.gte(3)))
    ///     .col_expr(product::Column::Stock, Expr::col(product::Column::Stock).sub(3))
    ///     .await
    /// # }
    /// ```
    ///
    /// The rows are locked, changed, reread and recorded as by [`update_many`](Self::update_many).
    pub fn update_where<E: BulkEntity>(&self, target: Target) -> UpdateWhere<'_, E> {
        UpdateWhere::new(self, target)
    }

    /// Like [`update_many`](Self::update_many), but includes rows with a value that the model cannot hold.
    /// Columns that `changes` does not set keep their stored values.
    ///
    /// # Errors
    /// As [`update_many`](Self::update_many), except for
    /// [`BulkRefusal::NoModel`](crate::BulkRefusal::NoModel).
    pub async fn update_rows<E: BulkEntity>(
        &self,
        target: Target,
        changes: E::ActiveModel,
    ) -> Result<Vec<Written<Stored<E::Model>>>, DbErr> {
        let changes = update::Changes {
            model: changes,
            expressions: Vec::new(),
        };
        self.savepoint(update::rows::<E>(self, target, &changes))
            .await
    }

    /// Deletes the rows of `target` and returns their number.
    ///
    /// # Errors
    /// As for a single delete; [`BulkRefusal::TooMany`](crate::BulkRefusal::TooMany) beyond the target's
    /// bound. Nothing of the call is then kept.
    pub async fn delete_many<E: BulkEntity>(&self, target: Target) -> Result<u64, DbErr> {
        self.savepoint(delete::rows::<E>(self, target)).await
    }

    /// Inserts each row, or updates the one that has the same values in the columns `unique`. Returns the
    /// outcome for each row, in the order given.
    ///
    /// The columns are those of the primary key or of a unique index, every model sets them, and none of
    /// their values is null. An update leaves the stored key unchanged and writes what else is set and
    /// differs. Models for the same row are applied one after the other. A row's custom hooks run as for the
    /// insert or update that it turns out to be; if another transaction inserts the row at that moment, they
    /// run for both.
    ///
    /// What becomes of an existing row can be narrowed:
    ///
    /// ```
    /// # use sea_orm::DbErr;
    /// # use seachange_changelog::TrackedTransaction;
    /// # mod product {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[sea_orm::model]
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "product")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key)]
    /// #         pub id: i64,
    /// #         pub name: String,
    /// #         pub stock: i32,
    /// #     }
    /// #     seachange_changelog::track!();
    /// # }
    /// # use product::{ActiveModel, Column, Entity};
    /// # async fn import(tx: &TrackedTransaction, rows: Vec<ActiveModel>) -> Result<(), DbErr> {
    /// // Only these columns, as `on_conflict(…).update_columns(…)` would.
    /// tx.upsert_many::<Entity>(rows.clone(), &[Column::Id])
    ///     .updating([Column::Name, Column::Stock])
    ///     .await?;
    /// // Nothing, as `on_conflict(…).do_nothing()` would.
    /// tx.upsert_many::<Entity>(rows, &[Column::Id]).or_ignore().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for single writes; [`BulkRefusal::NoConflictValue`](crate::BulkRefusal::NoConflictValue) for a
    /// model that does not set the columns. Nothing of the call is then kept.
    pub fn upsert_many<'a, E: BulkEntity>(
        &'a self,
        models: impl IntoIterator<Item = E::ActiveModel>,
        unique: &'a [E::Column],
    ) -> UpsertMany<'a, E> {
        UpsertMany::new(self, models.into_iter().collect(), unique)
    }
}

/// The models of rows; fails if a row has none.
fn held<E: EntityTrait>(rows: Vec<Stored<E::Model>>) -> Result<Vec<E::Model>, DbErr> {
    rows.into_iter().map(model::<E>).collect()
}

fn all_held<E: EntityTrait>(
    rows: Vec<Written<Stored<E::Model>>>,
) -> Result<Vec<Written<E::Model>>, DbErr> {
    let rows = rows.into_iter().map(|row| {
        Ok(match row {
            Written::Inserted(row) => Written::Inserted(model::<E>(row)?),
            Written::Updated(row) => Written::Updated(model::<E>(row)?),
            Written::Unchanged(row) => Written::Unchanged(model::<E>(row)?),
        })
    });
    rows.collect()
}

fn model<E: EntityTrait>(row: Stored<E::Model>) -> Result<E::Model, DbErr> {
    match row {
        Stored::Model(model) => Ok(model),
        Stored::Image(_) => Err(BulkRefusal::NoModel {
            table: table::<E>().to_owned(),
        }
        .into()),
    }
}

/// The table's name as the log has it.
fn table<E: EntityTrait>() -> &'static str {
    E::default().table_name()
}
