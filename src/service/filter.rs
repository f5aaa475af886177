//! A filter as one value with two readings: a SQL condition, and a test of a row image.

mod memory;
mod sql;
mod sqlite_times;

pub(crate) use sql::condition;
pub(crate) use sqlite_times::key;

use sea_orm::{DbBackend, DbErr, Value};
use seachange_changelog::internal::{self, check_bindable};
use serde_json::Value as Json;

use super::error::ServiceError;

/// What a row must satisfy. Holds at least one test: an empty filter parses to no predicate.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Test { column: &'static str, test: Test },
}

impl Predicate {
    /// Checks that the database can be given every value as it is: a driver sends a time that it does not know as
    /// another one or leaves it out, and the comparison would hold for other rows.
    ///
    /// # Errors
    /// `BAD_INPUT` that names the column.
    pub(crate) fn check_values(&self, backend: DbBackend) -> Result<(), ServiceError> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.check_values(backend))
            }
            Self::Not(inner) => inner.check_values(backend),
            Self::Test {
                column,
                test: Test::Text(Pattern::Like | Pattern::NotLike, text),
            } if text.contains('\0') && internal::on(backend).facts().like_ends_at_nul => {
                Err(ServiceError::bad_input(format!(
                    "column `{column}`: the database's patterns end at a NUL; use contains, starts_with or ends_with"
                )))
            }
            Self::Test { column, test } => test.operands().try_for_each(|operand| {
                check_bindable(column, &operand.value, backend).map_err(|error| {
                    let error: DbErr = error.into();
                    error.into()
                })
            }),
        }
    }
}

/// What one column must satisfy.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Compare(Comparison, Operand),
    In(Vec<Operand>),
    NotIn(Vec<Operand>),
    Between(Operand, Operand),
    NotBetween(Operand, Operand),
    IsNull,
    IsNotNull,
    Text(Pattern, String),
}

impl Test {
    /// The values that it compares with.
    fn operands(&self) -> impl Iterator<Item = &Operand> {
        let (listed, others): (&[Operand], [Option<&Operand>; 2]) = match self {
            Self::Compare(_, operand) => (&[], [Some(operand), None]),
            Self::In(list) | Self::NotIn(list) => (list, [None, None]),
            Self::Between(low, high) | Self::NotBetween(low, high) => {
                (&[], [Some(low), Some(high)])
            }
            Self::IsNull | Self::IsNotNull | Self::Text(..) => (&[], [None, None]),
        };
        listed.iter().chain(others.into_iter().flatten())
    }
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// Tests of text that only the database can decide, by its collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    EqualIgnoringCase,
    Contains,
    StartsWith,
    EndsWith,
    Like,
    NotLike,
}

/// A value in both of its forms.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    /// The form that the database takes.
    pub(crate) value: Value,
    /// The form in a row image.
    pub(crate) image: Json,
}
