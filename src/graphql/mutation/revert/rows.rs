//! Rows of a registered entity, locked and written by their images.

use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QuerySelect,
};
use seachange_changelog::{Image, TrackedTransaction, image};

use super::plan::Write;
use crate::graphql::entity::EntityInfo;
use crate::graphql::error::{ErrorCode, Refusal};
use crate::graphql::mutation::{Failure, Writable};
use crate::graphql::table::{key_condition, named};

/// An entity whose type has been forgotten, and what is known of it.
pub(in crate::graphql) struct Reverter {
    info: Arc<EntityInfo>,
    rows: Box<dyn Rows>,
}

impl Reverter {
    /// The rows of an entity.
    pub(in crate::graphql) fn of<E: Writable>(info: &Arc<EntityInfo>) -> Self {
        Self {
            info: Arc::clone(info),
            rows: Box::new(RowsOf::<E>(PhantomData)),
        }
    }

    pub(super) fn is_managed(&self, column: &str) -> bool {
        let column = self.info.by_name(column);
        column.is_some_and(|column| column.is_managed)
    }

    /// The names of the columns that the server does not fill.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        let columns = self.info.columns.iter();
        columns
            .filter(|column| !column.is_managed)
            .map(|column| column.name)
    }

    /// Locks the row until the transaction ends; its image, if it is there.
    pub(super) async fn lock(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
    ) -> Result<Option<Image>, Failure> {
        self.rows.lock(tx, key).await
    }

    pub(super) async fn write(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        write: &Write,
    ) -> Result<(), Failure> {
        match write {
            Write::Delete => self.rows.delete(tx, key).await,
            Write::Insert(row) => self.rows.insert(tx, row).await,
            Write::Update(set) => self.rows.update(tx, key, set).await,
        }
    }
}

#[async_trait::async_trait]
trait Rows: Send + Sync {
    async fn lock(&self, tx: &TrackedTransaction, key: &Image) -> Result<Option<Image>, Failure>;
    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), Failure>;
    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<(), Failure>;
    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<(), Failure>;
}

struct RowsOf<E>(PhantomData<fn() -> E>);

#[async_trait::async_trait]
impl<E: Writable> Rows for RowsOf<E> {
    async fn lock(&self, tx: &TrackedTransaction, key: &Image) -> Result<Option<Image>, Failure> {
        let model = stored::<E>(tx, key).await?;
        let image = model.as_ref().map(image::image_of).transpose();
        Ok(image.map_err(Refusal::from)?)
    }

    async fn delete(&self, tx: &TrackedTransaction, key: &Image) -> Result<(), Failure> {
        let model = stored::<E>(tx, key).await?.ok_or_else(gone)?;
        model.delete::<E::ActiveModel, _>(tx).await?;
        Ok(())
    }

    async fn insert(&self, tx: &TrackedTransaction, row: &Image) -> Result<(), Failure> {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        set_all::<E>(&mut model, row)?;
        model.insert(tx).await?;
        Ok(())
    }

    async fn update(
        &self,
        tx: &TrackedTransaction,
        key: &Image,
        set: &Image,
    ) -> Result<(), Failure> {
        let model = stored::<E>(tx, key).await?.ok_or_else(gone)?;
        let mut model = model.into_active_model();
        set_all::<E>(&mut model, set)?;
        model.update(tx).await?;
        Ok(())
    }
}

fn gone() -> Refusal {
    Refusal::new(ErrorCode::Conflict, "the row is gone")
}

async fn stored<E: Writable>(
    tx: &TrackedTransaction,
    key: &Image,
) -> Result<Option<E::Model>, Failure> {
    let select = E::find().filter(key_condition::<E>(key).map_err(Refusal::from)?);
    // SQLite has no row locks: a write transaction has the database to itself.
    let select = match tx.get_database_backend() {
        DbBackend::Sqlite => select,
        _ => select.lock_exclusive(),
    };
    Ok(select.one(tx).await?)
}

/// Sets columns to what an image holds.
fn set_all<E: EntityTrait>(model: &mut E::ActiveModel, values: &Image) -> Result<(), Refusal> {
    for (name, json) in values {
        let unfit = || {
            Refusal::new(
                ErrorCode::Conflict,
                format!("`{name}` no longer takes the value that it had"),
            )
        };
        let column = named::<E>(name).ok_or_else(unfit)?;
        let value = image::value_of::<E>(column, json).map_err(|_| unfit())?;
        if !image::try_set(model, column, value) {
            return Err(unfit());
        }
    }
    Ok(())
}
