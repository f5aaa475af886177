//! A row as lists hold it: the values of its image, in the order of its entity's columns.
//!
//! It is not a model. A model exists only if every value fits its field, so one row that does not fit would
//! hide all that are read with it.

use std::collections::BTreeMap;

use sea_orm::{ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait};
use seachange_changelog::internal::image;
use seachange_changelog::internal::rows::Stored;
use seachange_changelog::{Image, ImageError};
use serde_json::Value as Json;

use super::columns::types;
use super::entity::{ColumnInfo, EntityInfo};

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Box<[Json]>);

impl Row {
    /// The rows that a call has returned.
    ///
    /// # Errors
    /// [`ImageError`] for a value that has no image.
    pub(crate) fn all<E: EntityTrait>(
        stored: impl IntoIterator<Item = Stored<E::Model>>,
    ) -> Result<Vec<Self>, ImageError> {
        let types: Vec<ColumnType> = types::<E>().collect();
        let rows = stored.into_iter().map(|row| match row {
            Stored::Model(model) => Self::of_model(&model, E::Column::iter().zip(&types)),
            Stored::Image(image) => Ok(Self::of_image::<E>(image)),
        });
        rows.collect()
    }

    /// The row of an image, with null for every column that the image lacks.
    pub(crate) fn of_image<E: EntityTrait>(mut image: Image) -> Self {
        let values = E::Column::iter().map(|column| image.remove(column.as_str()));
        Self(values.map(Option::unwrap_or_default).collect())
    }

    /// Its image.
    pub(crate) fn image<E: EntityTrait>(&self) -> Image {
        let names = E::Column::iter().map(|column| column.as_str().to_owned());
        let fields: BTreeMap<_, _> = names.zip(self.0.iter().cloned()).collect();
        // The names are sorted, as in every image.
        fields.into_iter().collect()
    }

    /// The row of a model. The caller passes the columns' types, because SeaORM builds them again at each call.
    ///
    /// # Errors
    /// [`ImageError`] for a value that has no image.
    pub(crate) fn of_model<'a, M: ModelTrait>(
        model: &M,
        columns: impl Iterator<Item = (<M::Entity as EntityTrait>::Column, &'a ColumnType)>,
    ) -> Result<Self, ImageError> {
        let values = columns.map(|(column, ty)| {
            image::encode(ty, &model.get(column)).map_err(|fact| ImageError::InColumn {
                column: column.as_str().to_owned(),
                fact: Box::new(fact),
            })
        });
        values.collect::<Result<_, _>>().map(Self)
    }

    /// The value of a column as images have it.
    pub(crate) fn value(&self, column: &ColumnInfo) -> &Json {
        self.0.get(column.place).unwrap_or(&Json::Null)
    }

    /// All values, in the order of the columns.
    pub(crate) fn values(&self) -> &[Json] {
        &self.0
    }

    /// The columns of the key that the API shows.
    pub(crate) fn key(&self, entity: &EntityInfo) -> Image {
        let value = |column: &ColumnInfo| (column.name.to_owned(), self.value(column).clone());
        entity.key().map(value).collect()
    }
}
