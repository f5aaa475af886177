//! A filter as one value with two readings: a SQL condition, and a test of a row image.

mod memory;
mod moments;
mod sql;

pub(crate) use moments::key;
pub(crate) use sql::condition;

use sea_orm::Value;
use serde_json::Value as Json;

/// What a row must be. Holds at least one test: a filter that says nothing parses to none.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Test { column: &'static str, test: Test },
}

/// What one column must be.
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

/// Tests of text that the database alone decides, by its own collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    EqualIgnoringCase,
    Contains,
    StartsWith,
    EndsWith,
    Like,
    NotLike,
}

/// A value in both its forms.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    /// As the database takes it.
    pub(crate) value: Value,
    /// As a row image has it.
    pub(crate) image: Json,
}
