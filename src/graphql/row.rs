//! A row as GraphQL has it: the values of its image, by the places of its entity's columns.
//!
//! Not a model: a model exists only if every value fits its field, so one row that does not would hide
//! all that are read with it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait};
use seachange_changelog::rows::Stored;
use seachange_changelog::{Image, ImageError, image};
use serde_json::Value as Json;

use super::entity::{ColumnInfo, EntityInfo};

/// A row as resolvers hand it on, with all that were read together with it: their children are read
/// together, too. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Node {
    together: Arc<[Row]>,
    place: usize,
}

impl Node {
    /// Rows that were read together.
    pub(super) fn all(rows: Vec<Row>) -> Vec<Self> {
        let together: Arc<[Row]> = rows.into();
        let places = 0..together.len();
        places
            .map(|place| Self {
                together: Arc::clone(&together),
                place,
            })
            .collect()
    }

    /// A row that was read by itself.
    pub(super) fn alone(row: Row) -> Self {
        Self {
            together: Arc::new([row]),
            place: 0,
        }
    }

    /// The rows that were read together, this one among them.
    pub(super) fn together(&self) -> &Arc<[Row]> {
        &self.together
    }
}

impl Deref for Node {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.together[self.place]
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Box<[Json]>);

impl Row {
    /// The rows that a call has answered.
    ///
    /// # Errors
    /// [`ImageError`] for a value that has no image.
    pub(super) fn all<E: EntityTrait>(
        stored: impl IntoIterator<Item = Stored<E::Model>>,
    ) -> Result<Vec<Self>, ImageError> {
        let types: Vec<ColumnType> = types::<E>().collect();
        let rows = stored.into_iter().map(|row| match row {
            Stored::Model(model) => Self::with(&model, E::Column::iter().zip(&types)),
            Stored::Image(image) => Ok(Self::of_image::<E>(image)),
        });
        rows.collect()
    }

    /// The row that an image tells of; null is in the place of what the image lacks.
    pub(super) fn of_image<E: EntityTrait>(mut image: Image) -> Self {
        let values = E::Column::iter().map(|column| image.remove(column.as_str()));
        Self(values.map(Option::unwrap_or_default).collect())
    }

    /// Its image.
    pub(super) fn image<E: EntityTrait>(&self) -> Image {
        let names = E::Column::iter().map(|column| column.as_str().to_owned());
        let fields: BTreeMap<_, _> = names.zip(self.0.iter().cloned()).collect();
        // Names sorted, as in every image.
        fields.into_iter().collect()
    }

    /// The row of a model, with the types of the columns read before: SeaORM makes them anew each time.
    ///
    /// # Errors
    /// [`ImageError`] for a value that has no image.
    pub(super) fn with<'a, M: ModelTrait>(
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
    pub(super) fn value(&self, column: &ColumnInfo) -> &Json {
        self.0.get(column.place).unwrap_or(&Json::Null)
    }

    /// All values, in the order of the columns.
    pub(super) fn values(&self) -> &[Json] {
        &self.0
    }

    /// The key's columns, those that the API shows.
    pub(super) fn key(&self, entity: &EntityInfo) -> Image {
        let value = |column: &ColumnInfo| (column.name.to_owned(), self.value(column).clone());
        entity.key().map(value).collect()
    }
}

/// The types of an entity's columns, in its order.
pub(super) fn types<E: EntityTrait>() -> impl Iterator<Item = ColumnType> {
    E::Column::iter().map(|column| column.def().get_column_type().clone())
}
