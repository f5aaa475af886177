//! Converts result rows to models, if the model can hold them.
//!
//! Drivers do not refuse everything that they cannot read: sqlx panics at PostgreSQL's `infinity`, takes its
//! `24:00:00` for midnight, and on MariaDB a zero date for NULL and a negative time for a positive one. Such
//! values are detected before they are read.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sea_orm::sea_query::ArrayType;
use sea_orm::sqlx::postgres::PgValueFormat;
use sea_orm::sqlx::{Row as _, ValueRef as _};
use sea_orm::{
    ActiveModelTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait,
    QueryResult,
};

use super::{Held, Row};
use crate::database;
use crate::image::{self, Image};

/// Reads rows as models of an entity.
pub(crate) struct Models<E> {
    /// The columns whose values the driver may misread.
    suspects: Vec<Suspect>,
    entity: PhantomData<fn() -> E>,
}

/// A column of dates or times.
struct Suspect {
    column: &'static str,
    kind: FieldKind,
}

/// The type of its field, which determines what is safe to read.
#[derive(Clone, Copy)]
enum FieldKind {
    /// A time of day.
    Clock,
    /// A date, alone or with a time, of the `chrono` crate.
    Chrono,
    /// The same with the local offset, which may lead to the next day or the one before.
    Local,
    /// A date, alone or with a time, of the `time` crate, whose years have four digits.
    Time,
}

impl<E: EntityTrait> Models<E> {
    /// The reader for a database.
    pub(crate) fn on(backend: DbBackend) -> Self {
        let suspects = E::Column::iter().filter_map(|column| {
            use ArrayType as T;
            let kind = match E::Model::get_value_type(column) {
                T::ChronoTime | T::TimeTime => FieldKind::Clock,
                T::ChronoDate
                | T::ChronoDateTime
                | T::ChronoDateTimeUtc
                | T::ChronoDateTimeWithTimeZone => FieldKind::Chrono,
                T::ChronoDateTimeLocal => FieldKind::Local,
                T::TimeDate | T::TimeDateTime | T::TimeDateTimeWithTimeZone => FieldKind::Time,
                _ => return None,
            };
            let column = column.as_str();
            Some(Suspect { column, kind })
        });
        let suspects = if database::on(backend).facts().misreads_times {
            suspects.collect()
        } else {
            Vec::new()
        };
        Self {
            suspects,
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
        if self.suspects.iter().any(|suspect| suspect.misreads(answer)) {
            return None;
        }
        // The elements of arrays are not checked beforehand.
        let read = || E::Model::from_query_result(answer, "").ok();
        catch_unwind(AssertUnwindSafe(read)).ok()?
    }
}

impl Suspect {
    /// Whether the driver would read it as another value, or panic.
    fn misreads(&self, answer: &QueryResult) -> bool {
        if let Some(row) = answer.try_as_pg_row() {
            let Ok(value) = row.try_get_raw(self.column) else {
                return false;
            };
            if value.is_null() || value.format() != PgValueFormat::Binary {
                return false;
            }
            return value.as_bytes().is_ok_and(|bytes| !self.kind.holds(bytes));
        }
        if let Some(row) = answer.try_as_mysql_row() {
            let Ok(value) = row.try_get_raw(self.column) else {
                return false;
            };
            let bytes = || row.try_get_unchecked::<&[u8], _>(self.column);
            return match (self.kind, value.is_null()) {
                // The sign follows the length.
                (FieldKind::Clock, false) => bytes().is_ok_and(|bytes| bytes.get(1) == Some(&1)),
                (FieldKind::Clock, true) | (_, false) => false,
                // The value has bytes, so the driver only takes it for NULL.
                (_, true) => bytes().is_ok(),
            };
        }
        false
    }
}

impl FieldKind {
    /// Whether the field's type holds PostgreSQL's days or microseconds since 2000.
    fn holds(self, bytes: &[u8]) -> bool {
        const DAY: i64 = 86_400_000_000;
        if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
            let (first, last) = self.days();
            return (first..=last).contains(&i64::from(i32::from_be_bytes(bytes)));
        }
        let Ok(bytes) = <[u8; 8]>::try_from(bytes) else {
            return true;
        };
        let micros = i64::from_be_bytes(bytes);
        match self {
            Self::Clock => (0..DAY).contains(&micros),
            _ => {
                let (first, last) = self.days();
                (first..=last).contains(&micros.div_euclid(DAY))
            }
        }
    }

    /// The first and the last day that can be read, counted from 2000-01-01.
    fn days(self) -> (i64, i64) {
        use chrono::{Datelike, NaiveDate};
        // 2000-01-01 as the crates count days.
        const FROM_YEAR_1: i64 = 730_120;
        const JULIAN: i64 = 2_451_545;
        let chrono = |date: NaiveDate| i64::from(date.num_days_from_ce()) - FROM_YEAR_1;
        let time = |date: time::Date| i64::from(date.to_julian_day()) - JULIAN;
        match self {
            Self::Time => (time(time::Date::MIN), time(time::Date::MAX)),
            Self::Local => (chrono(NaiveDate::MIN) + 1, chrono(NaiveDate::MAX) - 1),
            Self::Clock | Self::Chrono => (chrono(NaiveDate::MIN), chrono(NaiveDate::MAX)),
        }
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
