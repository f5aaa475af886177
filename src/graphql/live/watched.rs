//! What subscriptions of any kind say of themselves, so that this room serves them all alike.

use std::sync::Arc;

use async_graphql::dynamic::FieldValue;

use super::place::Place;
use crate::feed::{Change, Cursor, Epoch, RowName, Selection};
use crate::service::filter::Predicate;
use crate::service::table::{KeyedRow, Table};

/// One item of a subscription, for GraphQL to render.
pub(in crate::graphql) struct Item {
    pub(super) value: FieldValue<'static>,
    /// Whether it is one of the rows with which a subscription begins: it cannot be resumed there.
    pub(super) is_initial: bool,
}

impl Item {
    /// An item with what its fields are resolved from.
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

/// Which changes a subscription wants, and as what. Subscriptions with the same document and variables
/// are equal in this, so that one of them speaks for all.
pub(in crate::graphql) trait Watched: Send + Sync {
    /// What it wants of the log.
    fn selection(&self) -> Selection;

    /// The row without which it wants nothing, if it names one.
    fn row(&self) -> Option<RowName> {
        None
    }

    /// Where it stands in the index of subscriptions. A change that it wants leads to one of these places.
    fn places(&self) -> Vec<Place> {
        Place::of(self.selection().entities)
    }

    /// Changes as it is told of them: those of each parcel make one item. No parcel is empty.
    fn parcels(&self, changes: Vec<Arc<Change>>) -> Vec<Vec<Arc<Change>>> {
        changes.into_iter().map(|change| vec![change]).collect()
    }

    /// A parcel as it sees it; `None` if it does not.
    fn item(&self, epoch: &Epoch, parcel: &[Arc<Change>]) -> Option<Item>;

    /// How it begins with the rows there are, if it can.
    fn rows(&self) -> Option<&dyn WatchedRows> {
        None
    }

    /// Whether a subscriber that connects again pulls what it was not sent. One that cannot be served is
    /// then asked to connect again, because an error would end it for good.
    fn is_pulled(&self) -> bool {
        false
    }
}

/// A subscription that can begin with the rows there are.
pub(in crate::graphql) trait WatchedRows: Send + Sync {
    /// The table, and which of its rows.
    fn source(&self) -> (Arc<dyn Table>, Option<Predicate>);

    /// A row that was there at the cursor.
    fn initial(&self, row: KeyedRow, at: &Cursor) -> Item;

    /// Everything that there was at the beginning has been sent.
    fn caught_up(&self, at: &Cursor) -> Item;
}
