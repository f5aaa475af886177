//! A row as one side knows it.

use std::collections::BTreeSet;

use seachange_changelog::Image;
use serde_json::Value as Json;

/// A row as one side knows it: either there, or deleted with the values it had last.
///
/// A null and an absent column are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Whether it has been deleted.
    pub is_deleted: bool,
    /// Columns by their names in the database, as images have them.
    pub row: Image,
}

/// What the server has of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) state: State,
    /// When it was deleted, as images have times.
    pub(crate) deleted_at: Option<String>,
}

impl State {
    /// A row that is there.
    pub(crate) fn present(row: Image) -> Self {
        let is_deleted = false;
        Self { is_deleted, row }
    }

    /// A row that has been deleted.
    pub(crate) fn deleted(row: Image) -> Self {
        let is_deleted = true;
        Self { is_deleted, row }
    }

    /// A column's value.
    pub fn value(&self, column: &str) -> &Json {
        self.row.get(column).unwrap_or(&Json::Null)
    }

    /// Whether both are the same row to a client: equal in all columns, or both deleted.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_same_in(other, |_| true)
    }

    /// Compares like [`is_same`](Self::is_same), in the wanted columns only.
    pub(crate) fn is_same_in(&self, other: &Self, wanted: impl Fn(&str) -> bool) -> bool {
        if self.is_deleted || other.is_deleted {
            return self.is_deleted == other.is_deleted;
        }
        let columns: BTreeSet<&String> = self.row.keys().chain(other.row.keys()).collect();
        let mut columns = columns.into_iter().filter(|column| wanted(column));
        columns.all(|column| self.value(column) == other.value(column))
    }
}
