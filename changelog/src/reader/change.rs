//! A change and its position.

use sea_orm::{EntityName, EntityTrait, ModelTrait, TryIntoModel};
use serde_json::Value as Json;

use super::position::Position;
use crate::capture::{model_of, partial_of};
use crate::image::{self, Image, ImageError};
use crate::log;

/// A row of the log with its position in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The position.
    pub position: Position,
    /// The logged row.
    pub row: log::Model,
}

impl Change {
    /// The sorted names of the columns that differ; for an insert or delete, of all columns.
    pub fn changed_fields(&self) -> Vec<String> {
        let before = self.row.before.as_ref().and_then(|image| image.as_object());
        let after = self.row.after.as_ref().and_then(|image| image.as_object());
        match (before, after) {
            (Some(before), Some(after)) => image::differing(before, after),
            (Some(only), None) | (None, Some(only)) => {
                let mut names: Vec<String> = only.keys().cloned().collect();
                names.sort_unstable();
                names
            }
            (None, None) => Vec::new(),
        }
    }

    /// The row before the change as a model; `None` for an insert.
    ///
    /// # Errors
    /// [`ImageError::OtherTable`] for a change of another table. If the log does not have a column, as it is
    /// redacted, excluded or younger than the change, or if a value does not fit the model; the error names the
    /// column. [`before_partial`](Self::before_partial) gives what there is.
    pub fn before_as<M>(&self) -> Result<Option<M>, ImageError>
    where
        M: ModelTrait,
        <M::Entity as EntityTrait>::ActiveModel: TryIntoModel<M>,
    {
        self.image_of::<M::Entity>(self.row.before.as_ref())?
            .map(model_of)
            .transpose()
    }

    /// The row after the change as a model; `None` for a delete.
    ///
    /// # Errors
    /// The same as for [`before_as`](Self::before_as).
    pub fn after_as<M>(&self) -> Result<Option<M>, ImageError>
    where
        M: ModelTrait,
        <M::Entity as EntityTrait>::ActiveModel: TryIntoModel<M>,
    {
        self.image_of::<M::Entity>(self.row.after.as_ref())?
            .map(model_of)
            .transpose()
    }

    /// What the log has of the row before the change; `None` for an insert. Columns that it does not have are not
    /// set: those that are redacted, excluded, or younger than the change.
    ///
    /// # Errors
    /// [`ImageError::OtherTable`] for a change of another table. If a value does not fit the entity; the error
    /// names the column.
    pub fn before_partial<E: EntityTrait>(&self) -> Result<Option<E::ActiveModel>, ImageError> {
        self.image_of::<E>(self.row.before.as_ref())?
            .map(partial_of::<E>)
            .transpose()
    }

    /// What the log has of the row after the change; `None` for a delete.
    ///
    /// # Errors
    /// The same as for [`before_partial`](Self::before_partial).
    pub fn after_partial<E: EntityTrait>(&self) -> Result<Option<E::ActiveModel>, ImageError> {
        self.image_of::<E>(self.row.after.as_ref())?
            .map(partial_of::<E>)
            .transpose()
    }

    fn image_of<'c, E: EntityTrait>(
        &self,
        image: Option<&'c Json>,
    ) -> Result<Option<&'c Image>, ImageError> {
        let expected = EntityName::table_name(&E::default());
        if self.row.entity != expected {
            let found = self.row.entity.clone();
            return Err(ImageError::OtherTable { expected, found });
        }
        Ok(image.and_then(Json::as_object))
    }
}
