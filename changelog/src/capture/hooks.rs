//! The four hooks of a tracked entity, and the trait for an entity's custom hooks.
//!
//! The order matters: the entity's custom `before_*` runs first and capture's last, capture's `after_*` first
//! and the custom one last. So nothing runs between announcing a statement, the statement and recording it,
//! and a custom hook that writes the same row again is recorded after it, not inside.

use chrono::{SecondsFormat, Utc};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait};

use super::protocol::{Message, Step};
use super::row;
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::log::Operation;
use crate::registry::Tracked;
use crate::row_lock::RowLock;

/// An entity's custom hooks, which run in addition to capture: the same four as in `ActiveModelBehavior`,
/// which [`track!`](crate::track) implements. An error stops the write and rolls nothing else back.
///
/// An entity that had hooks before it was tracked keeps them: its `impl ActiveModelBehavior for ActiveModel` is
/// renamed to `impl Hooks for ActiveModel`, and its tracking says `hooks`.
#[diagnostic::on_unimplemented(
    message = "the entity of `{Self}` is tracked with `hooks`, but `{Self}` does not implement `Hooks`",
    label = "the hooks of this entity are missing",
    note = "if it has an `impl ActiveModelBehavior for ActiveModel`, rename that to `impl seachange_changelog::Hooks \
            for ActiveModel`: tracking implements `ActiveModelBehavior` itself, and calls `Hooks`",
    note = "if it has no hooks, remove the word `hooks` from its tracking"
)]
#[async_trait::async_trait]
pub trait Hooks: ActiveModelTrait {
    /// A fresh active model; every column unset unless overridden.
    fn new() -> Self {
        <Self as ActiveModelTrait>::default()
    }

    /// Runs before capture compares with the stored row, so what it sets is recorded. A value of that row
    /// which the model cannot hold is not set.
    async fn before_save<C: ConnectionTrait>(self, _db: &C, _insert: bool) -> Result<Self, DbErr> {
        Ok(self)
    }

    /// Runs after the change is in the log. It does not run for a row of a bulk call that still has a value
    /// which the model cannot hold, because there is no model to pass.
    async fn after_save<C: ConnectionTrait>(
        model: <Self::Entity as EntityTrait>::Model,
        _db: &C,
        _insert: bool,
    ) -> Result<<Self::Entity as EntityTrait>::Model, DbErr> {
        Ok(model)
    }

    /// Runs before capture reads the row that will be deleted.
    async fn before_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
        Ok(self)
    }

    /// Runs after the change is in the log.
    async fn after_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
        Ok(self)
    }
}

fn message<E: EntityTrait>(operation: Operation, step: Step) -> Message {
    Message {
        table: E::default().table_name().to_owned(),
        operation,
        step,
    }
}

/// The current time as images write it: UTC, microseconds.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Prepares an insert or update for capture. Sets server-managed columns, and on an update leaves only those
/// columns set that really change, so that nothing is written if nothing changes.
///
/// # Errors
/// [`CaptureError`] if the connection does not capture or is not in a transaction;
/// `RecordNotUpdated` for an update of a missing row.
pub async fn before_save<A, C>(mut model: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Tracked,
    C: ConnectionTrait,
{
    row::canonicalise(&mut model, db.get_database_backend())?;
    if insert {
        announce_insert(model, db).await
    } else {
        announce_update(model, db).await
    }
}

async fn announce_insert<A, C>(mut model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Tracked,
    C: ConnectionTrait,
{
    row::stamp_new(&mut model, &now())?;
    let step = Step::Announce {
        key: row::key_of(&model)?,
        before: None,
    };
    message::<A::Entity>(Operation::Insert, step)
        .send(db)
        .await?;
    Ok(model)
}

async fn announce_update<A, C>(mut model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Tracked,
    C: ConnectionTrait,
{
    let Some(key) = row::key_of(&model)? else {
        return Err(DbErr::PrimaryKeyNotSet { ctx: "UpdateOne" });
    };
    let Some(before) = row::lock_row(&model, db, RowLock::Update).await? else {
        return Err(DbErr::RecordNotUpdated);
    };
    let step = if row::keep_changed(&mut model, &before, &now(), false)? {
        Step::Announce {
            key: Some(key),
            before: Some(before),
        }
    } else {
        Step::Unchanged { key }
    };
    message::<A::Entity>(Operation::Update, step)
        .send(db)
        .await?;
    Ok(model)
}

/// Records the row as an insert or update has left it.
///
/// # Errors
/// [`CaptureError`] if the change cannot be recorded; the transaction will then not commit.
pub async fn after_save<M, C>(model: M, db: &C, insert: bool) -> Result<M, DbErr>
where
    M: ModelTrait + Sync,
    M::Entity: Tracked<Model = M>,
    C: ConnectionTrait,
{
    let model = row::as_stored(model, db).await?;
    let operation = if insert {
        Operation::Insert
    } else {
        Operation::Update
    };
    let after: Image = image::image_of(&model).map_err(CaptureError::from)?;
    let step = Step::Record {
        key: image::key_of(&model).map_err(CaptureError::from)?,
        after: Some(after),
    };
    message::<M::Entity>(operation, step).send(db).await?;
    Ok(model)
}

/// Reads and locks the row that a delete will remove.
///
/// # Errors
/// [`CaptureError`] if the connection does not capture or is not in a transaction.
pub async fn before_delete<A, C>(model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Tracked,
    C: ConnectionTrait,
{
    let Some(key) = row::key_of(&model)? else {
        return Err(DbErr::PrimaryKeyNotSet { ctx: "DeleteOne" });
    };
    let before = row::lock_row(&model, db, RowLock::Delete).await?;
    let step = Step::Announce {
        key: Some(key),
        before,
    };
    message::<A::Entity>(Operation::Delete, step)
        .send(db)
        .await?;
    Ok(model)
}

/// Records that the row is gone, if it existed.
///
/// # Errors
/// [`CaptureError`] if the change cannot be recorded; the transaction will then not commit.
pub async fn after_delete<A, C>(model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Tracked,
    C: ConnectionTrait,
{
    if let Some(key) = row::key_of(&model)? {
        let step = Step::Record { key, after: None };
        message::<A::Entity>(Operation::Delete, step)
            .send(db)
            .await?;
    }
    Ok(model)
}
