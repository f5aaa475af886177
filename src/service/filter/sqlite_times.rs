//! Tests of times on SQLite, which stores them as texts: they compare moments, however these are written.
//!
//! A moment is compared by its [key](Times::key). No ordinary index has that key, so a test also says between
//! which texts every spelling of the moment lies. An index of the column finds these texts, and no key is made
//! for rows outside of them.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, IdenStatic, Iterable, ModelTrait};
use seachange_changelog::internal::{self, BELOW_DIGITS, Times};

use super::{Comparison, Operand, Predicate, Test};
use crate::service::columns::column_of;

/// How many tests of moments may have their keys written out separately. A key takes five thousand bytes, and a
/// SQLite statement may have a million.
pub(super) const INLINE: usize = 16;

/// Which truth values of a part of a condition matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Only whether it holds: false and unknown are treated alike.
    Holds,
    /// The part stands below a negation, where false and unknown differ.
    Negated,
}

/// An alias that no table has.
const MOMENTS: &str = "__moments";

/// Where the key of a column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// In each test.
    Inline,
    /// Once, beside the row, under the column's name.
    Named,
}

/// The key of a column of times, if the database stores them as texts.
pub(crate) fn key<E: EntityTrait>(column: E::Column, backend: DbBackend) -> Option<Expr> {
    Some(Moments::of::<E>(column, (backend, Keys::Inline))?.key)
}

fn times<E: EntityTrait>(column: E::Column, backend: DbBackend) -> Option<Times> {
    let times = || Times::of(&E::Model::get_value_type(column));
    let are_texts = internal::on(backend).facts().times_are_texts;
    are_texts.then(times).flatten()
}

/// The columns whose moments a predicate tests, one for each test.
pub(super) fn tested<E: EntityTrait>(
    predicate: &Predicate,
    backend: DbBackend,
) -> Vec<&'static str> {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            let parts = parts.iter();
            parts.flat_map(|part| tested::<E>(part, backend)).collect()
        }
        Predicate::Not(inner) => tested::<E>(inner, backend),
        Predicate::Test { column, .. } => {
            let found = E::Column::iter().find(|found| found.as_str() == *column);
            let times = found.and_then(|found| times::<E>(found, backend));
            times.map(|_| *column).into_iter().collect()
        }
    }
}

/// A condition on keys that are computed once, beside the row.
pub(super) fn named<E: EntityTrait>(
    mut columns: Vec<&'static str>,
    condition: Condition,
    backend: DbBackend,
) -> Condition {
    columns.sort_unstable();
    columns.dedup();
    let mut keys = Query::select();
    for column in E::Column::iter().filter(|column| columns.contains(&column.as_str())) {
        if let Some(key) = key::<E>(column, backend) {
            keys.expr_as(key, Alias::new(column.as_str()));
        }
    }
    let mut found = Query::select();
    found
        .expr(Expr::val(1))
        .from_subquery(keys, Alias::new(MOMENTS))
        .cond_where(condition);
    Condition::all().add(Expr::exists(found))
}

/// A column of times.
pub(super) struct Moments {
    times: Times,
    key: Expr,
    column: Expr,
}

impl Moments {
    /// `None` for a column that the database can compare without keys.
    pub(super) fn of<E: EntityTrait>(
        column: E::Column,
        (backend, keys): (DbBackend, Keys),
    ) -> Option<Self> {
        let times = times::<E>(column, backend)?;
        let table = E::default();
        let key = match keys {
            Keys::Inline => Expr::cust(times.key_in(table.table_name(), column.as_str())),
            Keys::Named => column_of(MOMENTS, column.as_str()),
        };
        Some(Self {
            times,
            key,
            column: Expr::col(column.as_column_ref()),
        })
    }

    /// The test, which is unknown for a text that is not a moment. `None` for a test that does not concern
    /// moments.
    pub(super) fn test(&self, test: &Test, side: Side) -> Option<Expr> {
        let key = |operand: &Operand| self.times.key_of_image(operand.image.as_str()?);
        let keys = |operands: &[Operand]| operands.iter().map(key).collect::<Option<Vec<_>>>();
        let of = || self.key.clone();
        let (test, low, high) = match test {
            Test::Compare(how, operand) => {
                let key = key(operand)?;
                let (low, high) = (Some(key.clone()), Some(key.clone()));
                match how {
                    Comparison::Eq => (of().eq(key), low, high),
                    Comparison::Ne => (of().ne(key), None, None),
                    Comparison::Gt => (of().gt(key), low, None),
                    Comparison::Gte => (of().gte(key), low, None),
                    Comparison::Lt => (of().lt(key), None, high),
                    Comparison::Lte => (of().lte(key), None, high),
                }
            }
            Test::In(operands) => {
                let keys = keys(operands)?;
                let (low, high) = (keys.iter().min().cloned(), keys.iter().max().cloned());
                (of().is_in(keys), low, high)
            }
            Test::NotIn(operands) => (of().is_not_in(keys(operands)?), None, None),
            Test::Between(low, high) => {
                let (low, high) = (key(low)?, key(high)?);
                (
                    of().between(low.clone(), high.clone()),
                    Some(low),
                    Some(high),
                )
            }
            Test::NotBetween(low, high) => (of().not_between(key(low)?, key(high)?), None, None),
            Test::IsNull | Test::IsNotNull | Test::Text(..) => return None,
        };
        match side {
            Side::Holds => match self.texts(low.as_deref(), high.as_deref()) {
                Some(texts) => Some(texts.and(test)),
                None => Some(test),
            },
            Side::Negated => Some(test),
        }
    }

    /// The range of texts that contains every spelling of the moments between two keys.
    fn texts(&self, low: Option<&str>, high: Option<&str>) -> Option<Expr> {
        let column = || self.column.clone();
        let low = low.and_then(|key| Some(self.times.around(key)?.0));
        let high = high.and_then(|key| Some(self.times.around(key)?.1));
        match (low, high) {
            (None, None) => None,
            (None, Some(high)) => Some(column().lt(high)),
            (Some(low), high) => {
                let texts = column().gte(low);
                let texts = match high {
                    Some(high) => texts.and(column().lt(high)),
                    None => texts,
                };
                Some(texts.or(column().lt(BELOW_DIGITS)))
            }
        }
    }
}
