//! A row in the form that resolvers pass on.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use async_graphql::dynamic::FieldValue;

use super::source::Source;
use crate::service::row::Row;

/// A row, with all rows that were read together with it, because their children are read together,
/// too. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Node {
    together: Arc<[Row]>,
    place: usize,
}

impl Node {
    /// Nodes for rows that were read together.
    pub(super) fn all(rows: Vec<Row>) -> Vec<Self> {
        let together: Arc<[Row]> = rows.into();
        let places = 0..together.len();
        places
            .map(|place| Self {
                together: Arc::clone(&together),
                place,
            })
            .collect()
    }

    /// A node for a row that was read alone.
    pub(super) fn alone(row: Row) -> Self {
        Self {
            together: Arc::new([row]),
            place: 0,
        }
    }

    /// The rows that were read together, including this one.
    pub(super) fn together(&self) -> &Arc<[Row]> {
        &self.together
    }
}

impl Deref for Node {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.together[self.place]
    }
}

/// The row that a resolver has returned: one of ours, or a model that an adopter's field returned.
pub(super) fn row<'a>(value: &'a FieldValue<'_>, source: &dyn Source) -> Option<Cow<'a, Row>> {
    match value.downcast_ref::<Node>() {
        Some(node) => Some(Cow::Borrowed(node)),
        None => source.row_of(value).map(Cow::Owned),
    }
}

/// Like [`row`], with the rows that were read together with it; a model was read alone.
pub(super) fn node(value: &FieldValue<'_>, source: &dyn Source) -> Option<Node> {
    match value.downcast_ref::<Node>() {
        Some(node) => Some(node.clone()),
        None => source.row_of(value).map(Node::alone),
    }
}
