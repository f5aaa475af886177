//! Reading the rows of a statement one by one, for callers that count them as they come.

use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryResult};

use super::{Models, Stored};
use crate::triggers::{Settings, Values, pin_settings};

/// Reads rows of an entity. A statement is run with one [for models](Self::of_models) first; only if one of
/// its rows is no model, it is run again with one [for values](Self::of_values), which reads every row.
pub struct Reader<E> {
    models: Models<E>,
    values: Option<(Values, Settings)>,
}

impl<E: EntityTrait> Reader<E> {
    /// One that reads rows which the entity's model can hold.
    pub fn of_models(backend: DbBackend) -> Self {
        Self {
            models: Models::on(backend),
            values: None,
        }
    }

    /// One that reads every row, for as long as the transaction lasts or until [`end`](Self::end).
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_values(tx: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let values = Values::of::<E>(tx).await?;
        Ok(Self {
            models: Models::on(tx.get_database_backend()),
            values: Some((values, pin_settings(tx).await?)),
        })
    }

    /// What a statement is to select beside the entity's columns.
    pub fn extra(&self) -> Vec<(Expr, Alias)> {
        let values = self.values.as_ref();
        values.map_or_else(Vec::new, |(values, _)| values.selected())
    }

    /// The row of an answer; `None` if the model cannot hold it, and this reads models.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(&self, answer: &QueryResult) -> Result<Option<Stored<E::Model>>, DbErr> {
        match (self.models.model(answer), &self.values) {
            (Some(model), _) => Ok(Some(Stored::Model(model))),
            (None, Some((values, _))) => Ok(Some(Stored::Image(values.read(answer)?.0))),
            (None, None) => Ok(None),
        }
    }

    /// Leaves the transaction as it was.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        match self.values {
            Some((_, settings)) => settings.restore(tx).await,
            None => Ok(()),
        }
    }
}
