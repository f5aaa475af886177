//! Rows of an entity's table as they are stored: the image of each, and the model if the entity can hold
//! every value.
//!
//! A database can hold values that a model cannot: a word that an enum does not know, `infinity`, a zero
//! date, on SQLite anything in any column. All bulk reads of rows are done here, so that one such row does
//! not hide others. Models are tried first, at the cost of one decoding; only a statement with a row that
//! does not fit the model is run again, and then reads that row value by value, as triggers would write it
//! down.
//!
//! This module knows models and statements, but not what the rows are used for.

mod key;
mod model;
mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, SelectStatement};
use sea_orm::{
    Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, QueryResult, QueryTrait, Select,
    TransactionTrait, Value,
};

use crate::image::{self, Image};
use crate::triggers::{KeyPlace, Values, pin_settings};
pub use key::{after_key, beyond_key, key_condition};
pub(crate) use key::{among as among_values, stored_as};
pub(crate) use model::Models;
pub use reader::Reader;

/// What a statement must select in addition to an entity's columns: expressions on the table under its own
/// name, and their aliases. It is empty for the first try.
pub type Extra = [(Expr, Alias)];

/// A row of a table.
#[derive(Debug)]
pub struct Row<E: EntityTrait> {
    image: Image,
    held: Held<E>,
}

#[derive(Debug)]
enum Held<E: EntityTrait> {
    Model(E::Model),
    /// The model cannot hold the row; this is its exact place.
    Not(KeyPlace, Arc<Values>),
}

/// A row as a call returns it.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<M> {
    /// The entity's model can hold the row.
    Model(M),
    /// The row has a value that the model cannot hold, so this is its image.
    Image(Image),
}

impl<M: ModelTrait> Stored<M> {
    /// The row's image.
    ///
    /// # Errors
    /// If a custom hook of the entity has changed the row to one that has no image.
    pub fn into_image(self) -> Result<Image, image::ImageError> {
        match self {
            Self::Model(model) => image::image_of(&model),
            Self::Image(image) => Ok(image),
        }
    }
}

impl<E: EntityTrait> Row<E> {
    /// The values of all columns.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The values of all columns.
    pub fn into_image(self) -> Image {
        self.image
    }

    /// The row as a model; `None` if it has a value that the model cannot hold.
    pub fn model(&self) -> Option<&E::Model> {
        match &self.held {
            Held::Model(model) => Some(model),
            Held::Not(..) => None,
        }
    }

    /// The values of the key's columns.
    pub fn key(&self) -> Image {
        let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
        let values = columns.map(|column| {
            let name = column.as_str();
            let value = self.image.get(name).cloned().unwrap_or_default();
            (name.to_owned(), value)
        });
        // Names are sorted, as in every image.
        let values: BTreeMap<_, _> = values.collect();
        values.into_iter().collect()
    }

    /// Whether another row has the same key.
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        match (self.model(), other.model()) {
            (Some(one), Some(other)) => {
                let mut keys = keys::<E>().into_iter();
                keys.all(|column| one.get(column) == other.get(column))
            }
            _ => self.key() == other.key(),
        }
    }

    /// The value of a column, if the model's field can hold it.
    pub(crate) fn value(&self, column: E::Column) -> Option<Value> {
        match self.model() {
            Some(model) => Some(model.get(column)),
            None => image::value_of::<E>(column, self.image.get(column.as_str())?).ok(),
        }
    }

    /// The columns whose values the model cannot hold; empty if the row fits the model.
    pub fn misfits(&self) -> Vec<&'static str> {
        match self.held {
            Held::Model(_) => Vec::new(),
            Held::Not(..) => model::misfits::<E>(&self.image),
        }
    }

    /// The condition for this row and no other.
    pub fn condition(&self) -> Condition {
        among(std::iter::once(self))
    }

    /// The condition for the rows after this one, in key order.
    pub fn after(&self) -> Condition {
        match &self.held {
            Held::Model(model) => key::after(&keys::<E>(), &values_of(model, &keys::<E>())),
            Held::Not(place, values) => values.after(place),
        }
    }

    /// The image, and the row as a call returns it.
    pub(crate) fn split(self) -> (Image, Stored<E::Model>) {
        match self.held {
            Held::Model(model) => (self.image, Stored::Model(model)),
            Held::Not(..) => (self.image.clone(), Stored::Image(self.image)),
        }
    }

    /// The row as an active model that can be changed. Its values are unchanged, or set to the stored values
    /// if there is no model; those that the model cannot hold are not set.
    pub fn active_model(&self) -> E::ActiveModel
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        match &self.held {
            Held::Model(model) => model.clone().into_active_model(),
            Held::Not(..) => model::active::<E>(&self.image),
        }
    }
}

/// The columns of the primary key.
pub(crate) fn keys<E: EntityTrait>() -> Vec<E::Column> {
    E::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect()
}

/// A model's values in these columns.
pub(crate) fn values_of<M: ModelTrait>(
    row: &M,
    columns: &[<M::Entity as EntityTrait>::Column],
) -> Vec<Value> {
    columns.iter().map(|column| row.get(*column)).collect()
}

/// The condition for these rows.
pub(crate) fn among<'r, E: EntityTrait>(rows: impl Iterator<Item = &'r Row<E>>) -> Condition {
    let columns = keys::<E>();
    let (mut tuples, mut places) = (Vec::new(), Vec::new());
    for row in rows {
        match &row.held {
            Held::Model(model) => tuples.push(values_of(model, &columns)),
            Held::Not(place, values) => places.push((place, values)),
        }
    }
    let Some((_, values)) = places.first() else {
        return key::among(&columns, tuples);
    };
    let odd = values.at(places.iter().map(|(place, _)| *place));
    if tuples.is_empty() {
        odd
    } else {
        Condition::any().add(key::among(&columns, tuples)).add(odd)
    }
}

/// The rows of a select, in a transaction.
///
/// # Errors
/// Errors of the database.
pub async fn read<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<Row<E>>, DbErr> {
    let found = read_with(tx, |extra| with_extra(&select, extra)).await?;
    Ok(found.into_iter().map(|(row, _)| row).collect())
}

/// The rows of a statement, in a transaction, each with its whole result row. `build` makes the statement,
/// which selects the columns of the entity as SeaORM does, and the expressions that it is given. It is called
/// a second time if a row does not fit the model.
///
/// # Errors
/// Errors of the database.
pub async fn read_with<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    build: impl Fn(&Extra) -> SelectStatement + Send + Sync,
) -> Result<Vec<(Row<E>, QueryResult)>, DbErr> {
    let models = Models::<E>::on(tx.get_database_backend());
    match models.all(tx.query_all(&build(&[])).await?) {
        Some(rows) => Ok(rows),
        None => by_value(tx, &models, build).await,
    }
}

/// The same as [`read_with`], without a transaction: one is begun for a second try if a row does not fit the
/// model.
///
/// # Errors
/// Errors of the database.
pub async fn read_from<E: EntityTrait>(
    db: &DatabaseConnection,
    build: impl Fn(&Extra) -> SelectStatement + Send + Sync,
) -> Result<Vec<(Row<E>, QueryResult)>, DbErr> {
    let models = Models::<E>::on(db.get_database_backend());
    if let Some(rows) = models.all(db.query_all(&build(&[])).await?) {
        return Ok(rows);
    }
    let tx = db.begin().await?;
    let rows = by_value(&tx, &models, build).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The select's statement with additional expressions.
pub fn with_extra<E: EntityTrait>(select: &Select<E>, extra: &Extra) -> SelectStatement {
    let mut statement = select.as_query().clone();
    for (expr, alias) in extra {
        statement.expr_as(expr.clone(), alias.clone());
    }
    statement
}

/// Runs the statement again so that it also returns each row's values.
async fn by_value<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    models: &Models<E>,
    build: impl Fn(&Extra) -> SelectStatement + Send + Sync,
) -> Result<Vec<(Row<E>, QueryResult)>, DbErr> {
    let values = Arc::new(Values::of::<E>(tx).await?);
    let settings = pin_settings(tx).await?;
    let found = tx.query_all(&build(&values.selected())).await?;
    settings.restore(tx).await?;
    let rows = found.into_iter().map(|answer| {
        if let Some(row) = models.row(&answer) {
            return Ok((row, answer));
        }
        let (image, place) = values.read(&answer)?;
        let held = Held::Not(place, Arc::clone(&values));
        Ok((Row { image, held }, answer))
    });
    rows.collect()
}
