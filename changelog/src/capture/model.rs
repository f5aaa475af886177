//! Converts images of the log back to models.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, TryIntoModel,
};
use serde_json::Value as Json;

use crate::image::{Image, ImageError, decode, is_redacted, try_null, try_set};
use crate::registry::Tracked;

/// The model of a row's image. Keys that are not columns are ignored.
///
/// A field that accepts JSON but not NULL gets JSON null.
///
/// # Errors
/// If a column is missing or redacted, its image is not valid for it, or the model refuses the value; the
/// error names the column.
pub fn model_from<M>(image: &Image) -> Result<M, ImageError>
where
    M: ModelTrait,
    M::Entity: Tracked,
    <M::Entity as EntityTrait>::ActiveModel: TryIntoModel<M>,
{
    let redacted = M::Entity::redacted();
    let is_hidden = |name: &str| redacted.iter().any(|redacted| redacted.as_str() == name);
    whole(image, &is_hidden)
}

/// The same for an entity that need not be tracked. A value that reads as a redacted one is taken for that.
pub(crate) fn model_of<M>(image: &Image) -> Result<M, ImageError>
where
    M: ModelTrait,
    <M::Entity as EntityTrait>::ActiveModel: TryIntoModel<M>,
{
    whole(image, &|_| true)
}

/// What an image has of a row: columns that it lacks, or that are redacted, are not set.
///
/// # Errors
/// If an image is not valid for its column, or the model refuses the value; the error names the column.
pub(crate) fn partial_of<E: EntityTrait>(image: &Image) -> Result<E::ActiveModel, ImageError> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        let json = image.get(column.as_str());
        if let Some(json) = json.filter(|json| !is_redacted(json)) {
            set::<E>(&mut model, column, json)?;
        } else {
            model.not_set(column);
        }
    }
    Ok(model)
}

fn whole<M>(image: &Image, may_be_redacted: &dyn Fn(&str) -> bool) -> Result<M, ImageError>
where
    M: ModelTrait,
    <M::Entity as EntityTrait>::ActiveModel: TryIntoModel<M>,
{
    let mut model = <<M::Entity as EntityTrait>::ActiveModel as ActiveModelTrait>::default();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        let name = column.as_str();
        let json = image.get(name).ok_or_else(|| ImageError::MissingColumn {
            column: name.to_owned(),
        })?;
        if may_be_redacted(name) && is_redacted(json) {
            return Err(ImageError::Redacted.in_column(name));
        }
        set::<M::Entity>(&mut model, column, json)?;
    }
    model.try_into_model().map_err(|error| ImageError::NoModel {
        reason: error.to_string(),
    })
}

fn set<E: EntityTrait>(
    model: &mut E::ActiveModel,
    column: E::Column,
    json: &Json,
) -> Result<(), ImageError> {
    let name = column.as_str();
    let rust = <E::Model as ModelTrait>::get_value_type(column);
    let value =
        decode(column.def().get_column_type(), &rust, json).map_err(|fact| fact.in_column(name))?;
    let is_taken = try_set(model, column, value) || json.is_null() && try_null(model, column, rust);
    if is_taken {
        Ok(())
    } else {
        Err(ImageError::refused(json).in_column(name))
    }
}
