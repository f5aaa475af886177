//! The changes of one entity as a stream of its models.
//!
//! It translates what a subscription yields, and decides nothing about order or place.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use chrono::{DateTime, Utc};
use futures_util::Stream;
use sea_orm::{EntityTrait, TryIntoModel};
use seachange_changelog::internal::hidden_columns;
use seachange_changelog::internal::reader::{Change, Selection};
use seachange_changelog::{ImageError, Operation};

use super::cursor::Cursor;
use super::error::FeedError;
use super::handle::Feed;
use super::run_detached::run_detached;
use super::start::Start;
use super::subscription::{FeedItem, Subscription};

/// A change of a row whose images are `M`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TypedChange<M> {
    /// Where it is: reading goes on after it with [`Start::After`].
    pub cursor: Cursor,
    /// The row before; `None` for an insert.
    pub before: Option<M>,
    /// The row after; `None` for a delete.
    pub after: Option<M>,
    /// The change as it is in the log, with key, metadata, transaction and source.
    pub change: Arc<Change>,
}

impl<M> TypedChange<M> {
    /// The kind of the change.
    pub fn operation(&self) -> Operation {
        self.change.row.operation
    }

    /// Who made it.
    pub fn actor(&self) -> Option<&str> {
        self.change.row.actor.as_deref()
    }

    /// When it was recorded.
    pub fn recorded_at(&self) -> DateTime<Utc> {
        self.change.row.recorded_at
    }
}

type Read<M> = fn(&Change) -> Result<Option<M>, ImageError>;

/// The changes of one table, in order; made by [`Feed::changes`] and [`Feed::partial_changes`].
///
/// It waits through outages of the database. It ends after an error, except for [`FeedError::Unreadable`], which
/// is about one change: the next item is the change after it.
pub struct Changes<M> {
    subscription: Subscription,
    before: Read<M>,
    after: Read<M>,
}

impl<M> Changes<M> {
    fn read(&self, change: Arc<Change>) -> Result<TypedChange<M>, FeedError> {
        let cursor = self.subscription.cursor_of(&change);
        let images = (self.before)(&change).and_then(|before| Ok((before, (self.after)(&change)?)));
        match images {
            Ok((before, after)) => Ok(TypedChange {
                cursor,
                before,
                after,
                change,
            }),
            Err(source) => Err(FeedError::Unreadable { cursor, source }),
        }
    }
}

impl<M> Stream for Changes<M> {
    type Item = Result<TypedChange<M>, FeedError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            return Poll::Ready(
                match ready!(Pin::new(&mut this.subscription).poll_next(cx)) {
                    Some(Ok(FeedItem::CaughtUp)) => continue,
                    Some(Ok(FeedItem::Change(change))) => Some(this.read(change)),
                    Some(Err(error)) => Some(Err(error)),
                    None => None,
                },
            );
        }
    }
}

impl Feed {
    /// The changes of an entity's table from `start`, as models.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// use seachange::{Feed, FeedError, Start};
    /// use seachange_entity::task;
    ///
    /// # async fn example(feed: Feed) -> Result<(), FeedError> {
    /// let mut changes = feed.changes::<task::Entity>(&Start::Now).await?;
    /// while let Some(change) = changes.next().await {
    ///     let change = change?;
    ///     if let (Some(before), Some(after)) = (&change.before, &change.after) {
    ///         println!("{:?} renamed {} to {}", change.actor(), before.title, after.title);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`], and [`FeedError::Hidden`] if the table has columns that are not in the
    /// log. The stream yields [`FeedError::Unreadable`] for a change that is no model.
    pub async fn changes<E>(&self, start: &Start) -> Result<Changes<E::Model>, FeedError>
    where
        E: EntityTrait,
        E::ActiveModel: TryIntoModel<E::Model>,
    {
        let (db, table) = (self.database(), E::default().table_name().to_owned());
        run_detached(async move {
            match hidden_columns(&db, &table).await?.pop_first() {
                Some(column) => Err(FeedError::Hidden { table, column }),
                None => Ok(()),
            }
        })
        .await?;
        Ok(Changes {
            subscription: self.subscribe(start, of_table::<E>()).await?,
            before: Change::before_as::<E::Model>,
            after: Change::after_as::<E::Model>,
        })
    }

    /// The changes of an entity's table from `start`, as active models in which the columns are set that the log
    /// has: not those that are redacted, excluded, or younger than the change.
    ///
    /// # Errors
    /// The same as for [`Feed::subscribe`]. The stream yields [`FeedError::Unreadable`] for a change with a value
    /// that does not fit the entity.
    pub async fn partial_changes<E: EntityTrait>(
        &self,
        start: &Start,
    ) -> Result<Changes<E::ActiveModel>, FeedError> {
        Ok(Changes {
            subscription: self.subscribe(start, of_table::<E>()).await?,
            before: Change::before_partial::<E>,
            after: Change::after_partial::<E>,
        })
    }
}

fn of_table<E: EntityTrait>() -> Selection {
    Selection {
        entities: Some(vec![E::default().table_name().to_owned()]),
        ..Selection::default()
    }
}
