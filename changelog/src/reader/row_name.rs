//! The identity of a row in the log.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait, IntoValueTuple};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityName, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn, PrimaryKeyTrait,
};

use super::keys::any_key_condition;
use crate::database::{self, Dialect};
use crate::image::{self, Image, ImageError};
use crate::log::Column;
use crate::triggers::Schemas;

/// The identity of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowName {
    /// Its table.
    pub entity: String,
    /// Its key as in the images.
    pub key: Image,
}

impl RowName {
    /// The row of an entity with this key: a value, or a tuple of values for a key of several columns.
    ///
    /// ```
    /// # mod note {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, seachange_changelog::Track)]
    /// #     #[sea_orm(table_name = "note")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64 }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// # }
    /// use seachange_changelog::internal::reader::RowName;
    ///
    /// let row = RowName::of::<note::Entity>(7)?;
    /// assert_eq!(row.entity, "note");
    /// # Ok::<(), seachange_changelog::ImageError>(())
    /// ```
    ///
    /// # Errors
    /// If a value has no image.
    pub fn of<E: EntityTrait>(
        key: impl Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    ) -> Result<Self, ImageError> {
        let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
        let parts = columns.zip(key.into().into_value_tuple());
        let parts = parts.map(|(column, value)| {
            let kind = column.def().get_column_type().clone();
            let json = image::encode(&kind, &image::canonical(&kind, value))
                .map_err(|fact| fact.in_column(column.as_str()))?;
            Ok((column.as_str().to_owned(), json))
        });
        // Keys in the log have their columns sorted by name.
        let parts = parts.collect::<Result<BTreeMap<_, _>, ImageError>>()?;
        Ok(Self {
            entity: EntityName::table_name(&E::default()).to_owned(),
            key: parts.into_iter().collect(),
        })
    }

    /// The row's changes, including those that name its key's columns by earlier names.
    pub(super) fn condition(&self, schemas: &Schemas, dialect: &dyn Dialect) -> Condition {
        let old = schemas.under_old_names(&self.entity, &self.key);
        Condition::all()
            .add(Expr::col(Column::Entity).eq(&*self.entity))
            .add(any_key_condition(old.iter().chain([&self.key]), dialect))
    }

    pub(super) async fn changes<C: ConnectionTrait>(&self, db: &C) -> Result<Condition, DbErr> {
        Ok(self.condition(&Schemas::read(db).await?, database::of(db)))
    }
}
