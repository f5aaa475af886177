//! Reading and comparing the row that a hook is about to change.

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr,
    EntityTrait, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter,
};

use crate::binding;
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::registry::Tracked;
use crate::row_lock::{RowLock, lock_rows};
use crate::rows;

/// The condition for the active model's row, if its whole key is known.
fn key_condition<A: ActiveModelTrait>(model: &A) -> Option<Condition> {
    <A::Entity as EntityTrait>::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .try_fold(Condition::all(), |condition, column| {
            let value = model.get(column).into_value()?;
            Some(condition.add(column.eq(value)))
        })
}

/// The key as an image, if all of it is known.
pub(crate) fn key_of<A: ActiveModelTrait>(model: &A) -> Result<Option<Image>, CaptureError> {
    let mut key = Image::new();
    for column in <A::Entity as EntityTrait>::PrimaryKey::iter().map(|k| k.into_column()) {
        let Some(value) = model.get(column).into_value() else {
            return Ok(None);
        };
        let json = image::encode(column.def().get_column_type(), &value)?;
        key.insert(column.as_str().to_owned(), json);
    }
    Ok(Some(key))
}

/// The image of the active model's stored row, locked until the transaction ends; `None` if its key is not
/// fully set or no such row exists.
pub(super) async fn lock_row<A, C>(model: &A, db: &C, lock: RowLock) -> Result<Option<Image>, DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let Some(condition) = key_condition(model) else {
        return Ok(None);
    };
    let select = A::Entity::find().filter(condition);
    let select = lock_rows(select, lock, db.get_database_backend());
    let found = rows::read(db, select).await?;
    Ok(found.into_iter().next().map(rows::Row::into_image))
}

/// The row as it is stored. It is read again if the database fills some columns after the write; the model
/// has only what the statement set.
pub(super) async fn as_stored<M, C>(model: M, db: &C) -> Result<M, DbErr>
where
    M: ModelTrait,
    M::Entity: Tracked<Model = M>,
    C: ConnectionTrait,
{
    if <M::Entity as Tracked>::computed().is_empty() {
        return Ok(model);
    }
    let keys = <M::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let condition = keys.fold(Condition::all(), |condition, column| {
        condition.add(column.eq(model.get(column)))
    });
    let stored = <M::Entity as EntityTrait>::find().filter(condition);
    Ok(stored.one(db).await?.unwrap_or(model))
}

/// Changes every value that will be written to what the database would store, so that images compare equal on
/// every database; refuses values that the driver cannot bind.
pub(crate) fn canonicalise<A: ActiveModelTrait>(
    model: &mut A,
    backend: DbBackend,
) -> Result<(), DbErr> {
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if let ActiveValue::Set(value) = model.get(column) {
            binding::check(column.as_str(), &value, backend)?;
            let def = column.def();
            model.try_set(column, image::canonical(def.get_column_type(), value))?;
        }
    }
    Ok(())
}

/// Leaves only columns set whose value differs from the stored row, and stamps `updated_at` with `now` if the
/// log shows one of them; returns whether any is left to write. `is_changed` says that other columns, which
/// the model does not set, will differ.
pub(crate) fn keep_changed<A>(
    model: &mut A,
    before: &Image,
    now: &str,
    is_changed: bool,
) -> Result<bool, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Tracked,
{
    let excluded = A::Entity::excluded();
    let is_excluded = |name: &str| excluded.iter().any(|column| column.as_str() == name);
    let (mut is_changed, mut is_told) = (is_changed, is_changed);
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if <A::Entity as EntityTrait>::PrimaryKey::from_column(column).is_some() {
            continue;
        }
        let ActiveValue::Set(value) = model.get(column) else {
            continue;
        };
        let json =
            image::encode(column.def().get_column_type(), &value).map_err(CaptureError::from)?;
        let stored = before.get(column.as_str());
        let is_same = stored.is_some_and(|stored| image::same(stored, &json));
        let is_filled = A::Entity::is_managed(&column) || A::Entity::is_computed(&column);
        if is_same || is_filled {
            model.not_set(column);
        } else {
            is_changed = true;
            is_told |= !is_excluded(column.as_str());
        }
    }
    if let (true, Some(column)) = (is_told, A::Entity::updated_at()) {
        stamp(model, column, now)?;
    }
    Ok(is_changed)
}

/// Sets the server-managed times of a new row that has none, and leaves to the database the columns that only
/// it fills; a given key stays.
pub(crate) fn stamp_new<A>(model: &mut A, now: &str) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Tracked,
{
    let managed = [A::Entity::created_at(), A::Entity::updated_at()];
    for column in managed.into_iter().flatten() {
        if model.is_not_set(column) {
            stamp(model, column, now)?;
        }
    }
    for column in A::Entity::computed() {
        if <A::Entity as EntityTrait>::PrimaryKey::from_column(column).is_none() {
            model.not_set(column);
        }
    }
    Ok(())
}

/// Sets a server-managed time column to `now`, whatever type of time its field has.
fn stamp<A>(
    model: &mut A,
    column: <A::Entity as EntityTrait>::Column,
    now: &str,
) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
{
    let rust: ArrayType = <<A::Entity as EntityTrait>::Model as ModelTrait>::get_value_type(column);
    let text = serde_json::Value::String(now.to_owned());
    let value =
        image::decode(column.def().get_column_type(), &rust, &text).map_err(CaptureError::from)?;
    model.try_set(column, value)
}
