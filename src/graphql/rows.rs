//! Rows of a registered entity, locked and written by their images, through its hooks.

use std::marker::PhantomData;

use sea_orm::{
    ActiveModelTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable,
    ModelTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder,
};
use seachange_changelog::{Image, RowLock, TrackedTransaction, image, lock_rows};

use super::error::{ErrorCode, Refusal};
use super::mutation::Writable;
use super::table::{KEYS, key_condition, named};
use super::transaction::Failure;

/// Writes an entity's rows.
#[async_trait::async_trait]
pub(super) trait Rows: Send + Sync {
    /// Locks the rows with these keys until the transaction ends, in key order: the image of each
    /// that is there.
    async fn lock(&self, tx: &TrackedTransaction, keys: &[Image]) -> Result<Vec<Image>, Failure>;

    /// Deletes a row; `CONFLICT` if it is gone.
    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), Failure>;

    /// Inserts a row; the row as stored. `BAD_INPUT` for a value that its column does not take.
    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<Image, Failure>;

    /// Sets columns of a row; the row as stored. `CONFLICT` if it is gone, `BAD_INPUT` for a value
    /// that its column does not take.
    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, Failure>;
}

/// The rows of one entity.
pub(super) struct RowsOf<E>(pub(super) PhantomData<fn() -> E>);

#[async_trait::async_trait]
impl<E: Writable> Rows for RowsOf<E> {
    async fn lock(&self, tx: &TrackedTransaction, keys: &[Image]) -> Result<Vec<Image>, Failure> {
        let mut images = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            for model in locked::<E>(tx, keys, RowLock::Update).await? {
                images.push(image_of(&model)?);
            }
        }
        Ok(images)
    }

    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), Failure> {
        let model = stored::<E>(tx, key, RowLock::Delete).await?;
        model.delete::<E::ActiveModel, _>(tx).await?;
        Ok(())
    }

    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<Image, Failure> {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        set_all::<E>(&mut model, row)?;
        // Only the bulk call keeps a key that the database would count.
        if has_counted_key::<E>() {
            let mut stored = tx.insert_many::<E>([model]).await?;
            return image_of(&stored.pop().ok_or(DbErr::RecordNotInserted)?);
        }
        image_of(&model.insert(tx).await?)
    }

    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, Failure> {
        let mut model = stored::<E>(tx, key, RowLock::Update)
            .await?
            .into_active_model();
        set_all::<E>(&mut model, set)?;
        image_of(&model.update(tx).await?)
    }
}

/// Whether the database alone counts the keys.
fn has_counted_key<E: Writable>() -> bool {
    let mut keys = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    keys.any(|key| E::is_computed(&key))
}

fn image_of<M: ModelTrait>(model: &M) -> Result<Image, Failure> {
    Ok(image::image_of(model).map_err(Refusal::from)?)
}

async fn stored<E: Writable>(
    tx: &TrackedTransaction,
    key: &Image,
    lock: RowLock,
) -> Result<E::Model, Failure> {
    let mut found = locked::<E>(tx, std::slice::from_ref(key), lock).await?;
    let gone = || Refusal::new(ErrorCode::Conflict, "the row is gone");
    Ok(found.pop().ok_or_else(gone)?)
}

async fn locked<E: Writable>(
    tx: &TrackedTransaction,
    keys: &[Image],
    lock: RowLock,
) -> Result<Vec<E::Model>, Failure> {
    let mut any = Condition::any();
    for key in keys {
        any = any.add(key_condition::<E>(key).map_err(Refusal::from)?);
    }
    let mut select = E::find().filter(any);
    for column in E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column) {
        select = select.order_by_asc(column);
    }
    let select = lock_rows(select, lock, tx.get_database_backend());
    Ok(select.all(tx).await?)
}

/// Sets columns to what an image holds.
fn set_all<E: EntityTrait>(model: &mut E::ActiveModel, values: &Image) -> Result<(), Refusal> {
    for (name, json) in values {
        let unfit = || Refusal::bad_input(format!("`{name}` does not take this value"));
        let column = named::<E>(name).ok_or_else(unfit)?;
        let value = image::value_of::<E>(column, json).map_err(|_| unfit())?;
        if !image::try_set(model, column, value) {
            return Err(unfit());
        }
    }
    Ok(())
}
