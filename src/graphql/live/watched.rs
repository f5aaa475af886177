//! The interface of subscriptions of any kind, so that this module serves them all alike.

use std::sync::Arc;

use async_graphql::dynamic::FieldValue;

use super::route_key::RouteKey;
use crate::feed::{Change, Cursor, Epoch, RowName, Selection};
use crate::service::filter::Predicate;
use crate::service::table::{KeyedRow, Table};

/// One item of a subscription, for GraphQL to render.
pub(in crate::graphql) struct Item {
    pub(super) value: FieldValue<'static>,
    /// Whether it is one of the rows with which a subscription begins, where the subscription cannot be
    /// resumed.
    pub(super) is_initial: bool,
}

impl Item {
    /// An item whose fields are resolved from this value.
    pub(in crate::graphql) fn of<T: Send + Sync + 'static>(value: T) -> Self {
        Self {
            value: FieldValue::owned_any(value),
            is_initial: false,
        }
    }

    /// One of the rows with which a subscription begins.
    pub(in crate::graphql) fn initial<T: Send + Sync + 'static>(value: T) -> Self {
        Self {
            is_initial: true,
            ..Self::of(value)
        }
    }
}

/// Which changes a subscription wants, and in what form. Subscriptions with the same document and variables are
/// equal in this, so that one of them stands for all.
pub(in crate::graphql) trait Watched: Send + Sync {
    /// The changes of the log that it wants.
    fn selection(&self) -> Selection;

    /// The only row that it wants, if it names one.
    fn row(&self) -> Option<RowName> {
        None
    }

    /// Its places in the index of subscriptions. A change that it wants leads to one of these places.
    fn places(&self) -> Vec<RouteKey> {
        RouteKey::of(self.selection().entities)
    }

    /// Groups changes into parcels, each of which makes one item. No parcel is empty.
    fn parcels(&self, changes: Vec<Arc<Change>>) -> Vec<Vec<Arc<Change>>> {
        changes.into_iter().map(|change| vec![change]).collect()
    }

    /// The item of a parcel; `None` if the subscription does not see it.
    fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item>;

    /// How it begins with the existing rows, if it can.
    fn rows(&self) -> Option<&dyn WatchedRows> {
        None
    }

    /// Whether a subscriber that reconnects pulls what it was not sent. A subscriber that cannot be served is
    /// then asked to reconnect, because an error would end it for good.
    fn is_pulled(&self) -> bool {
        false
    }
}

/// A subscription that can begin with the existing rows.
pub(in crate::graphql) trait WatchedRows: Send + Sync {
    /// The table, and which of its rows are wanted.
    fn source(&self) -> (Arc<dyn Table>, Option<Predicate>);

    /// A row that existed at the cursor.
    fn initial(&self, row: KeyedRow, at: &Cursor) -> Item;

    /// The item after everything that existed at the beginning.
    fn caught_up(&self, at: &Cursor) -> Item;
}
