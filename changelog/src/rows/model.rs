//! Converts result rows to models, if the model can hold them.
//!
//! Drivers do not refuse everything that they cannot read: sqlx panics at PostgreSQL's `infinity`, takes its
//! `24:00:00` for midnight, and on MariaDB a zero date for NULL and a negative time for a positive one. Such
//! values are detected before they are read.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ActiveModelTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait,
    QueryResult,
};

use super::{Held, Row};
use crate::database::{self, Driver, TimeField};
use crate::image::{self, Image};

/// Reads rows as models of an entity.
pub(crate) struct Models<E> {
    /// The columns whose values the driver may misread.
    suspects: Vec<Suspect>,
    driver: Option<&'static dyn Driver>,
    entity: PhantomData<fn() -> E>,
}

/// A column of dates or times.
struct Suspect {
    column: &'static str,
    field: TimeField,
}

impl<E: EntityTrait> Models<E> {
    /// The reader for a database.
    pub(crate) fn on(backend: DbBackend) -> Self {
        let suspects = E::Column::iter().filter_map(|column| {
            use ArrayType as T;
            let field = match E::Model::get_value_type(column) {
                T::ChronoTime | T::TimeTime => TimeField::Clock,
                T::ChronoDate
                | T::ChronoDateTime
                | T::ChronoDateTimeUtc
                | T::ChronoDateTimeWithTimeZone => TimeField::Chrono,
                T::ChronoDateTimeLocal => TimeField::Local,
                T::TimeDate | T::TimeDateTime | T::TimeDateTimeWithTimeZone => TimeField::Time,
                _ => return None,
            };
            let column = column.as_str();
            Some(Suspect { column, field })
        });
        let suspects = if database::on(backend).facts().misreads_times {
            suspects.collect()
        } else {
            Vec::new()
        };
        Self {
            suspects,
            driver: database::driver(backend),
            entity: PhantomData,
        }
    }

    /// All rows of a result; `None` if one of them does not fit the model.
    pub(crate) fn all(&self, answer: Vec<QueryResult>) -> Option<Vec<(Row<E>, QueryResult)>> {
        let rows = answer.into_iter();
        rows.map(|answer| Some((self.row(&answer)?, answer)))
            .collect()
    }

    /// The row, if it fits the model.
    pub(crate) fn row(&self, answer: &QueryResult) -> Option<Row<E>> {
        let model = self.model(answer)?;
        let image = image::image_of(&model).ok()?;
        let held = Held::Model(model);
        Some(Row { image, held })
    }

    /// The model, if the row fits it.
    pub(crate) fn model(&self, answer: &QueryResult) -> Option<E::Model> {
        let is_misread = |driver: &dyn Driver| {
            let mut suspects = self.suspects.iter();
            suspects.any(|suspect| driver.misreads(answer, suspect.column, suspect.field))
        };
        if self.driver.is_some_and(is_misread) {
            return None;
        }
        // The elements of arrays are not checked beforehand.
        let read = || E::Model::from_query_result(answer, "").ok();
        catch_unwind(AssertUnwindSafe(read)).ok()?
    }
}

/// An active model with the values of an image that it can hold.
pub(super) fn active<E: EntityTrait>(image: &Image) -> E::ActiveModel {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        if !takes::<E>(&mut model, column, image) {
            model.not_set(column);
        }
    }
    model
}

/// The columns that have values which the model cannot hold.
pub(super) fn misfits<E: EntityTrait>(image: &Image) -> Vec<&'static str> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let columns = E::Column::iter().filter(|column| !takes::<E>(&mut model, *column, image));
    columns.map(|column| column.as_str()).collect()
}

/// Sets a column to its value in an image, if the model can hold it.
fn takes<E: EntityTrait>(model: &mut E::ActiveModel, column: E::Column, image: &Image) -> bool {
    // In a JSON column, too, this stands for a value that is not JSON.
    let json = image.get(column.as_str());
    let json = json.filter(|json| !image::is_unfit(json));
    let value = json.and_then(|json| image::value_of::<E>(column, json).ok());
    value.is_some_and(|value| image::try_set(model, column, value))
}
