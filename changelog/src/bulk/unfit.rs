//! Splits an image into what its entity's model can hold and the values that it cannot.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbBackend, IdenStatic, Iterable};
use serde_json::Value as Json;

use super::BulkEntity;
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::rows::stored_as;

/// A value for a column whose field in the model cannot hold it.
pub(super) struct Unfit<C> {
    pub(super) column: C,
    pub(super) sql: Expr,
    /// The value as images have it.
    pub(super) image: Json,
}

impl<C: IdenStatic> Unfit<C> {
    /// Whether the row has another value in this column.
    pub(super) fn differs(&self, row: &Image) -> bool {
        let stored = row.get(self.column.as_str());
        !stored.is_some_and(|stored| image::same(stored, &self.image))
    }

    /// Whether the value is for this column.
    pub(super) fn is_for(&self, column: C) -> bool {
        self.column.as_str() == column.as_str()
    }
}

pub(super) type SplitImage<E> = (
    <E as sea_orm::EntityTrait>::ActiveModel,
    Vec<Unfit<<E as sea_orm::EntityTrait>::Column>>,
);

/// Splits an image into what the model can hold and the rest.
pub(super) fn split_image<E: BulkEntity>(
    image: &Image,
    backend: DbBackend,
) -> Result<SplitImage<E>, CaptureError> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let mut unfit = Vec::new();
    for column in E::Column::iter() {
        let Some(json) = image.get(column.as_str()) else {
            continue;
        };
        let value = image::value_of::<E>(column, json);
        if let Ok(value) = &value
            && image::try_set(&mut model, column, value.clone())
        {
            continue;
        }
        model.not_set(column);
        let sql = match (stored_as(json, backend), value) {
            (Some(sql), _) => sql,
            (None, Ok(value)) => column.save_as(Expr::val(value)),
            (None, Err(error)) => return Err(error.into()),
        };
        unfit.push(Unfit {
            column,
            sql,
            image: json.clone(),
        });
    }
    Ok((model, unfit))
}
