//! Which rows a call means, and what became of them.

use sea_orm::Condition;
use sea_orm::sea_query::IntoCondition;

use crate::reader::Position;

/// The rows that an update or delete means.
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

    /// Refuses the call if another transaction has changed one of the rows after this position of the
    /// log. On MariaDB call it before the transaction's first plain read, which fixes what it sees.
    #[must_use]
    pub fn unchanged_since(self, position: Position) -> Self {
        Self {
            unchanged_since: Some(position),
            ..self
        }
    }
}

/// What a call made of a row; the row as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<M> {
    /// It was not there.
    Inserted(M),
    /// At least one column got another value.
    Updated(M),
    /// It was as wanted: neither written nor recorded.
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
