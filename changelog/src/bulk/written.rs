//! The rows that a call targets, and the outcome for each.

use sea_orm::Condition;
use sea_orm::sea_query::IntoCondition;

use crate::reader::Position;

/// The rows that an update or delete targets.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) condition: Condition,
    pub(super) most: u64,
    pub(super) unchanged_since: Option<Position>,
}

impl Target {
    /// The rows that match, e.g. `task::Column::Status.eq(Status::Done)`.
    pub fn matching(condition: impl IntoCondition) -> Self {
        Self {
            condition: condition.into_condition(),
            most: u64::MAX,
            unchanged_since: None,
        }
    }

    /// Every row of the table.
    pub fn all() -> Self {
        Self::matching(Condition::all())
    }

    /// Refuses the call if there are more rows than this.
    #[must_use]
    pub fn at_most(self, rows: u64) -> Self {
        Self { most: rows, ..self }
    }

    /// Refuses the call if another transaction has changed one of the rows after this position of the log. On
    /// MariaDB make the call before the transaction's first plain read, which determines what it sees.
    #[must_use]
    pub fn unchanged_since(self, position: Position) -> Self {
        Self {
            unchanged_since: Some(position),
            ..self
        }
    }
}

/// The outcome for a row, with the row as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<M> {
    /// The row did not exist.
    Inserted(M),
    /// At least one column got another value.
    Updated(M),
    /// The row already had the wanted values: it is neither written nor recorded.
    Unchanged(M),
}

impl<M> Written<M> {
    /// The row.
    pub fn into_row(self) -> M {
        match self {
            Self::Inserted(row) | Self::Updated(row) | Self::Unchanged(row) => row,
        }
    }

    /// The row.
    pub fn row(&self) -> &M {
        match self {
            Self::Inserted(row) | Self::Updated(row) | Self::Unchanged(row) => row,
        }
    }
}
