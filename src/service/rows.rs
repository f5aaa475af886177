//! Rows of a registered entity, locked and written by their images, through the entity's hooks.

use std::marker::PhantomData;

use sea_orm::{
    ActiveModelTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    ModelTrait, PrimaryKeyTrait, QueryFilter, Value,
};
use seachange_changelog::internal::rows::{self, Row};
use seachange_changelog::internal::{self, RowLock, image, lock_rows};
use seachange_changelog::{Image, Target, TrackedTransaction};

use super::code::ErrorCode;
use super::columns::{in_key_order, keys, named};
use super::error::ServiceError;
use super::table::KEYS;
use super::writable::Writable;

/// Writes an entity's rows.
#[async_trait::async_trait]
pub(crate) trait RowWriter: Send + Sync {
    /// Locks the rows with these keys until the transaction ends, in key order. Returns the image of each row
    /// that exists.
    async fn lock(
        &self,
        tx: &TrackedTransaction,
        keys: &[Image],
    ) -> Result<Vec<Image>, ServiceError>;

    /// Deletes a row; a conflict if it is gone.
    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), ServiceError>;

    /// Inserts a row and returns it as stored. `BAD_INPUT` for a value that its column does not take.
    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<Image, ServiceError>;

    /// Sets columns of a row and returns it as stored. `CONFLICT` if it is gone, `BAD_INPUT` for a value that
    /// its column does not take.
    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, ServiceError>;

    /// Inserts a row as it once was, even with values that the entity cannot hold.
    async fn insert_again(
        &self,
        tx: &TrackedTransaction,
        row: &Image,
    ) -> Result<Image, ServiceError>;

    /// Sets columns of a row to values that they once had; otherwise like [`update`](Self::update).
    async fn update_again(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, ServiceError>;
}

/// The rows of one entity.
pub(crate) struct RowWriterOf<E>(PhantomData<fn() -> E>);

impl<E> RowWriterOf<E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait::async_trait]
impl<E: Writable> RowWriter for RowWriterOf<E> {
    async fn lock(
        &self,
        tx: &TrackedTransaction,
        keys: &[Image],
    ) -> Result<Vec<Image>, ServiceError> {
        let mut images = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            let found = locked::<E>(tx, keys, RowLock::Update).await?;
            images.extend(found.into_iter().map(Row::into_image));
        }
        Ok(images)
    }

    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), ServiceError> {
        let row = stored::<E>(tx, key, RowLock::Delete).await?;
        match row.model() {
            Some(model) => {
                let model = model.clone();
                model.delete::<E::ActiveModel, _>(tx).await?;
            }
            None => {
                tx.delete_many::<E>(Target::matching(row.condition()))
                    .await?;
            }
        }
        Ok(())
    }

    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<Image, ServiceError> {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        set_all::<E>(&mut model, row)?;
        check_counted_key::<E>(&model, tx.get_database_backend())?;
        // Only the bulk call keeps a given key where the database would generate one.
        if has_counted_key::<E>() {
            let stored = tx
                .insert_rows::<E>([model])
                .await?
                .pop()
                .ok_or(DbErr::RecordNotInserted)?;
            return Ok(stored.into_image()?);
        }
        image_of(&model.insert(tx).await?)
    }

    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, ServiceError> {
        let row = stored::<E>(tx, key, RowLock::Update).await?;
        if let Some(model) = row.model() {
            let mut model = model.clone().into_active_model();
            set_all::<E>(&mut model, set)?;
            return image_of(&model.update(tx).await?);
        }
        let mut changes = <E::ActiveModel as ActiveModelTrait>::default();
        set_all::<E>(&mut changes, set)?;
        let target = Target::matching(row.condition());
        let written = tx.update_rows::<E>(target, changes).await?.pop();
        let written = written.ok_or_else(gone)?.into_row();
        Ok(written.into_image()?)
    }

    async fn insert_again(
        &self,
        tx: &TrackedTransaction,
        row: &Image,
    ) -> Result<Image, ServiceError> {
        if set_all::<E>(&mut <E::ActiveModel as ActiveModelTrait>::default(), row).is_ok() {
            return self.insert(tx, row).await;
        }
        check_columns::<E>(row)?;
        let written = tx.insert_image::<E>(row).await.map_err(refused)?;
        Ok(written.into_image()?)
    }

    async fn update_again(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<Image, ServiceError> {
        if set_all::<E>(&mut <E::ActiveModel as ActiveModelTrait>::default(), set).is_ok() {
            return self.update(tx, key, set).await;
        }
        check_columns::<E>(set)?;
        let row = stored::<E>(tx, key, RowLock::Update).await?;
        let written = tx.update_image::<E>(&row, set).await.map_err(refused)?;
        Ok(written.into_image()?)
    }
}

/// Turns the database's refusal of a value that the entity cannot hold into bad input of the caller, as if it
/// had been found before.
fn refused(error: DbErr) -> ServiceError {
    match ServiceError::from(error) {
        error if error.code() == ErrorCode::BadInput => ServiceError::bad_input(error.message()),
        error => error,
    }
}

/// Refuses values of columns that the entity does not have.
fn check_columns<E: EntityTrait>(values: &Image) -> Result<(), ServiceError> {
    match values.keys().find(|name| named::<E>(name).is_none()) {
        Some(name) => Err(unfit(name)),
        None => Ok(()),
    }
}

fn unfit(name: &str) -> ServiceError {
    ServiceError::bad_input(format!("`{name}` does not take this value"))
}

fn gone() -> ServiceError {
    ServiceError::conflict("the row is gone")
}

/// Whether only the database generates the keys.
fn has_counted_key<E: Writable>() -> bool {
    keys::<E>().any(|key| E::is_computed(&key))
}

/// Refuses a key that the database does not take: MariaDB counts keys up from 1, takes a 0 for none given, and
/// SeaORM cannot read back the row of a negative one.
pub(crate) fn check_counted_key<E: EntityTrait>(
    model: &E::ActiveModel,
    backend: DbBackend,
) -> Result<(), ServiceError> {
    let counts_from_one = internal::on(backend).facts().zero_asks_for_key;
    if !counts_from_one || !E::PrimaryKey::auto_increment() {
        return Ok(());
    }
    let is_positive = |value: Value| match value {
        Value::TinyInt(Some(key)) => key > 0,
        Value::SmallInt(Some(key)) => key > 0,
        Value::Int(Some(key)) => key > 0,
        Value::BigInt(Some(key)) => key > 0,
        Value::TinyUnsigned(Some(key)) => key > 0,
        Value::SmallUnsigned(Some(key)) => key > 0,
        Value::Unsigned(Some(key)) => key > 0,
        Value::BigUnsigned(Some(key)) => key > 0,
        _ => true,
    };
    let mut given = keys::<E>().filter_map(|column| model.get(column).into_value());
    if given.all(is_positive) {
        Ok(())
    } else {
        Err(ServiceError::bad_input(
            "a key that the database counts is at least 1",
        ))
    }
}

fn image_of<M: ModelTrait>(model: &M) -> Result<Image, ServiceError> {
    Ok(image::image_of(model)?)
}

async fn stored<E: Writable>(
    tx: &TrackedTransaction,
    key: &Image,
    lock: RowLock,
) -> Result<Row<E>, ServiceError> {
    let mut found = locked::<E>(tx, std::slice::from_ref(key), lock).await?;
    found.pop().ok_or_else(gone)
}

async fn locked<E: Writable>(
    tx: &TrackedTransaction,
    keys: &[Image],
    lock: RowLock,
) -> Result<Vec<Row<E>>, ServiceError> {
    let backend = tx.get_database_backend();
    let mut any = Condition::any();
    for key in keys {
        let condition = rows::key_condition::<E>(key, backend);
        any = any.add(condition?);
    }
    let select = in_key_order(E::find().filter(any));
    let select = lock_rows(select, lock, backend);
    Ok(rows::read(tx, select).await?)
}

/// Sets columns to what an image holds.
fn set_all<E: EntityTrait>(model: &mut E::ActiveModel, values: &Image) -> Result<(), ServiceError> {
    for (name, json) in values {
        let unfit = || unfit(name);
        let column = named::<E>(name).ok_or_else(unfit)?;
        let value = image::value_of::<E>(column, json).map_err(|_| unfit())?;
        if !image::try_set(model, column, value) {
            return Err(unfit());
        }
    }
    Ok(())
}
