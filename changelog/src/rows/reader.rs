//! Reads the rows of a statement one by one, for callers that count them meanwhile.

use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryResult};

use super::{Models, Stored};
use crate::triggers::{Settings, Values, pin_settings};

/// Reads rows of an entity. A statement is first run with a reader [for models](Self::of_models). Only if one
/// of its rows does not fit the model is it run again with a reader [for values](Self::of_values), which
/// reads every row.
pub struct Reader<E> {
    models: Models<E>,
    values: Option<(Values, Settings)>,
}

impl<E: EntityTrait> Reader<E> {
    /// A reader of rows that the entity's model can hold.
    pub fn of_models(backend: DbBackend) -> Self {
        Self {
            models: Models::on(backend),
            values: None,
        }
    }

    /// A reader of every row, which is valid until the transaction ends or [`end`](Self::end) is called.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn of_values(tx: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let values = Values::of::<E>(tx).await?;
        Ok(Self {
            models: Models::on(tx.get_database_backend()),
            values: Some((values, pin_settings(tx).await?)),
        })
    }

    /// What a statement must select in addition to the entity's columns.
    pub fn extra(&self) -> Vec<(Expr, Alias)> {
        let values = self.values.as_ref();
        values.map_or_else(Vec::new, |(values, _)| values.selected())
    }

    /// The row of a result; `None` if this reader is for models and the model cannot hold the row.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn read(&self, answer: &QueryResult) -> Result<Option<Stored<E::Model>>, DbErr> {
        match (self.models.model(answer), &self.values) {
            (Some(model), _) => Ok(Some(Stored::Model(model))),
            (None, Some((values, _))) => Ok(Some(Stored::Image(values.read(answer)?.0))),
            (None, None) => Ok(None),
        }
    }

    /// Restores the transaction's settings.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn end(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        match self.values {
            Some((_, settings)) => settings.restore(tx).await,
            None => Ok(()),
        }
    }
}
