//! Insert and update inputs: the columns that neither server nor database fills.

use async_graphql::Value as GraphqlValue;
use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use sea_orm::{ActiveModelTrait, EntityTrait, IdenStatic, Iterable};
use seachange_changelog::internal::image;

use super::error::Refusal;
use super::scalar;
use crate::service::decimal::check_size;
use crate::service::entity::{ColumnInfo, EntityInfo};

/// Name of the insert input.
pub(super) fn insert_name(entity: &EntityInfo) -> String {
    format!("{}InsertInput", entity.object)
}

/// Name of the update input.
pub(super) fn update_name(entity: &EntityInfo) -> String {
    format!("{}UpdateInput", entity.object)
}

/// The insert input. Columns without a default are required.
pub(super) fn insert(entity: &EntityInfo) -> InputObject {
    object(insert_name(entity), entity, |column| {
        match column.type_ref() {
            ty if column.nullable || column.has_default => ty,
            ty => TypeRef::NonNull(Box::new(ty)),
        }
    })
}

/// The update input, in which everything is optional.
pub(super) fn update(entity: &EntityInfo) -> InputObject {
    object(update_name(entity), entity, ColumnInfo::type_ref)
}

fn object(name: String, entity: &EntityInfo, ty: impl Fn(&ColumnInfo) -> TypeRef) -> InputObject {
    let columns = entity.columns.iter().filter(|column| column.is_input());
    let object = InputObject::new(name);
    if columns.clone().next().is_none() {
        // An input object must have at least one field.
        return object.field(InputValue::new("_", TypeRef::named(TypeRef::BOOLEAN)));
    }
    columns.fold(object, |object, column| {
        object.field(InputValue::new(&column.field, ty(column)))
    })
}

/// What an input is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A null in a column that is not nullable means the default, if there is one.
    Insert,
    /// A null in a column that is not nullable is an error.
    Update,
}

/// The active model of an input object; absent fields stay unset.
///
/// # Errors
/// `BAD_INPUT` for a value that does not have its column's type, and for null in a column that is
/// not nullable.
pub(super) fn active_model<E: EntityTrait>(
    entity: &EntityInfo,
    data: &GraphqlValue,
    purpose: Purpose,
) -> Result<E::ActiveModel, Refusal> {
    let GraphqlValue::Object(fields) = data else {
        return Err(Refusal::bad_input("`data` is an object"));
    };
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        let Some(info) = entity.by_name(column.as_str()) else {
            continue;
        };
        let Some(value) = fields.get(info.field.as_str()) else {
            continue;
        };
        if matches!(value, GraphqlValue::Null) && !info.nullable {
            if info.has_default && purpose == Purpose::Insert {
                continue;
            }
            return Err(Refusal::bad_input(format!(
                "`{}` cannot be null",
                info.field
            )));
        }
        let value = scalar::from_graphql(info, value)?;
        check_size(info, &value)?;
        // For example a word that the enumeration lacks, or a number that the type of time cannot
        // hold.
        if !image::try_set(&mut model, column, value) {
            return Err(Refusal::bad_input(format!(
                "`{}` does not take this value",
                info.field
            )));
        }
    }
    Ok(model)
}
