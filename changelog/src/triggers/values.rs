//! Reads the rows of an entity's table value by value, as triggers would write them down.
//!
//! No model is needed: what the entity's columns cannot hold is `{"$text": …}` or `{"$blob": …}`, as in a
//! change that a trigger recorded. This module knows the catalogue, SQL and column types, but not models.

use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryResult,
};

use super::current_rows::{IMAGE, KeyPlace, keys, place_alias, text_in};
use super::decode::decode_row;
use crate::catalogue::columns;
use crate::database::{self, Dialect};
use crate::error::SetupRefusal;
use crate::image::Image;
use crate::shape::{Column, Reading, Shown, Version};

/// How the rows of one entity's table are read, for the duration of a transaction.
#[derive(Debug)]
pub(crate) struct Values {
    dialect: &'static dyn Dialect,
    /// The table's name, quoted.
    table: String,
    version: Version,
    /// How each column is read by the entity's types, in the version's order.
    readings: Vec<Reading>,
    /// The key columns in the order of the entity's key.
    keys: Vec<Column>,
}

impl Values {
    /// Reads the types of the entity's columns from the catalogue.
    ///
    /// # Errors
    /// [`SetupRefusal::NoTable`], or an error of the database.
    pub(crate) async fn of<E: EntityTrait>(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let dialect = database::of(db);
        let entity = E::default().table_name().to_owned();
        let found = columns(db, &entity).await?;
        if found.is_empty() {
            return Err(SetupRefusal::NoTable { table: entity }.into());
        }
        let (mut columns, mut readings) = (Vec::new(), Vec::new());
        for (column, number) in E::Column::iter().zip(1..) {
            let called = column.as_str();
            let Some(found) = found.iter().find(|found| found.name == called) else {
                continue;
            };
            columns.push(Column {
                number,
                name: called.to_owned(),
                ty: found.ty.clone(),
                is_key: E::PrimaryKey::from_column(column).is_some(),
                shown: Shown::Whole,
            });
            readings.push(Reading {
                column: column.def().get_column_type().clone(),
                rust: E::Model::get_value_type(column),
            });
        }
        let named = |key: E::PrimaryKey| {
            let called = key.into_column();
            columns
                .iter()
                .find(|column| column.name == called.as_str())
                .cloned()
        };
        Ok(Self {
            dialect,
            table: dialect.quote(&entity),
            keys: E::PrimaryKey::iter().filter_map(named).collect(),
            version: Version {
                version: 1,
                columns,
            },
            readings,
        })
    }

    /// The expressions to select in addition to the entity's columns, from the table under its own name.
    pub(crate) fn selected(&self) -> Vec<(Expr, Alias)> {
        let image = self.dialect.image_of(&self.version, &self.table);
        let image = self.dialect.readable(&image);
        let places = self.keys.iter().enumerate().map(|(n, key)| {
            let text = self.dialect.key_text(key, &self.table);
            (Expr::cust(text), Alias::new(place_alias(n)))
        });
        std::iter::once((Expr::cust(image), Alias::new(IMAGE)))
            .chain(places)
            .collect()
    }

    /// The image of a row in the result of such a statement, and its place.
    pub(crate) fn read(&self, row: &QueryResult) -> Result<(Image, KeyPlace), DbErr> {
        let text = text_in(row, IMAGE, self.dialect)?;
        let columns = self.version.columns.iter().zip(&self.readings);
        let image = decode_row(columns, &text, self.dialect);
        Ok((image, KeyPlace::of(row, &self.keys, self.dialect)?))
    }

    /// The condition for the rows at these places.
    pub(crate) fn at<'p>(&self, places: impl Iterator<Item = &'p KeyPlace>) -> Condition {
        let sql = keys::among(&self.keys, &self.table, places, self.dialect);
        Condition::all().add(Expr::cust(format!("({sql})")))
    }

    /// The condition for the rows after a place, in key order.
    pub(crate) fn after(&self, place: &KeyPlace) -> Condition {
        let sql = keys::beyond(&self.keys, &self.table, Some(place), self.dialect);
        Condition::all().add(Expr::cust(format!("({sql})")))
    }
}
