//! History and undoing, for Rust callers.

use sea_orm::sea_query::IntoValueTuple as _;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, PrimaryKeyTrait};
use seachange_changelog::Image;
use seachange_changelog::internal::image;

use super::Service;
use crate::feed::{Change, Cursor, Page, RowName, Start, When};
use crate::service::columns::keys;
use crate::service::error::ServiceError;
use crate::service::{history, revert};

/// The type of an entity's key.
type KeyOf<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

impl Service {
    /// Up to `first` kept changes of a row, in order.
    ///
    /// ```no_run
    /// use seachange::{Service, ServiceError, Start};
    /// use seachange_entity::label;
    ///
    /// # async fn example(service: Service) -> Result<(), ServiceError> {
    /// let page = service.history::<label::Entity>(7, &Start::Oldest, 100).await?;
    /// for change in &page.changes {
    ///     println!("{:?} by {:?}", change.changed_fields(), change.row.actor);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `CURSOR_EXPIRED` if changes after the start are no longer kept; `LIMIT_EXCEEDED` for more than
    /// [`Limits`](crate::Limits) allow; `BAD_INPUT` for an entity that is not registered.
    pub async fn history<E: EntityTrait>(
        &self,
        key: KeyOf<E>,
        start: &Start,
        first: u64,
    ) -> Result<Page, ServiceError> {
        let most = self.limits.page_rows;
        if first > most {
            let message = format!("a page has at most {most} changes");
            return Err(ServiceError::limit(message));
        }
        let row = self.row_name::<E>(key)?;
        let budget = self.budget();
        history::history(self.call(&budget), &row, start, first).await
    }

    /// A row as it was at a moment, by column; `None` if it did not exist then.
    ///
    /// # Errors
    /// The same as for [`history`](Self::history).
    pub async fn row_as_of<E: EntityTrait>(
        &self,
        key: KeyOf<E>,
        when: &When,
    ) -> Result<Option<Image>, ServiceError> {
        let row = self.row_name::<E>(key)?;
        let budget = self.budget();
        history::as_of(self.call(&budget), self.target::<E>()?, &row, when).await
    }

    /// Undoes one change by writing the opposite, which is a change like any other. Returns the changes that
    /// this made.
    ///
    /// ```no_run
    /// use seachange::{Cursor, Fact, Service, ServiceError};
    ///
    /// # async fn example(service: Service, cursor: Cursor) -> Result<(), ServiceError> {
    /// match service.revert_change(&cursor).await {
    ///     Ok(changes) => println!("undone by {} changes", changes.len()),
    ///     Err(error) => match error.fact() {
    ///         Some(Fact::Later(cursors)) => println!("changed since: {cursors:?}"),
    ///         _ => return Err(error),
    ///     },
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NOT_FOUND` if the cursor does not name a change; a conflict, with [`Fact::Later`](crate::Fact::Later),
    /// if the change's result has been changed since; `BAD_INPUT` for an entity that is not registered.
    /// `UNAVAILABLE` may mean that the revert is committed but its changes cannot be read yet; the message says
    /// so.
    pub async fn revert_change(&self, cursor: &Cursor) -> Result<Vec<Change>, ServiceError> {
        let budget = self.budget();
        let reverted = revert::change(self.call(&budget), &self.targets, cursor).await?;
        Ok(reverted.changes(&self.feed).await?.changes)
    }

    /// Undoes all changes of a transaction, or none of them. Returns the changes that this made.
    ///
    /// # Errors
    /// `NOT_FOUND` if no change of the transaction is kept, `LIMIT_EXCEEDED` if it has more changes than
    /// [`Limits::write_rows`](crate::Limits::write_rows); otherwise as [`revert_change`](Self::revert_change).
    pub async fn revert_transaction(&self, id: &str) -> Result<Vec<Change>, ServiceError> {
        let budget = self.budget();
        let reverted = revert::transaction(self.call(&budget), &self.targets, id).await?;
        Ok(reverted.changes(&self.feed).await?.changes)
    }

    fn row_name<E: EntityTrait>(&self, key: KeyOf<E>) -> Result<RowName, ServiceError> {
        let info = &self.target::<E>()?.info;
        let parts = keys::<E>().zip(key.into_value_tuple());
        let parts = parts.map(|(column, value)| {
            let value = image::encode(column.def().get_column_type(), &value)?;
            Ok((column.as_str().to_owned(), value))
        });
        let key = parts.collect::<Result<Image, ServiceError>>()?;
        history::row_name(info, &key)
    }
}
