//! Converts images of the log back to models.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, TryIntoModel,
};

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
    let mut model = <<M::Entity as EntityTrait>::ActiveModel as ActiveModelTrait>::default();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        let name = column.as_str();
        let json = image.get(name).ok_or_else(|| ImageError::MissingColumn {
            column: name.to_owned(),
        })?;
        if redacted.iter().any(|redacted| redacted.as_str() == name) && is_redacted(json) {
            return Err(ImageError::Redacted.in_column(name));
        }
        let rust = M::get_value_type(column);
        let value = decode(column.def().get_column_type(), &rust, json)
            .map_err(|fact| fact.in_column(name))?;
        let taken = try_set(&mut model, column, value)
            || json.is_null() && try_null(&mut model, column, rust);
        if !taken {
            return Err(ImageError::refused(json).in_column(name));
        }
    }
    model.try_into_model().map_err(|error| ImageError::NoModel {
        reason: error.to_string(),
    })
}
