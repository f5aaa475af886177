//! The predicate as a test of a row image, with SQL's three-valued logic.

use std::cmp::Ordering;
use std::str::FromStr;

use sea_orm::ColumnType;
use sea_orm::prelude::BigDecimal;
use seachange_changelog::Image;
use seachange_changelog::internal::{Equality, Undecided};
use serde_json::Value as Json;

use super::{Comparison, Operand, Pattern, Predicate, Test};
use crate::service::entity::{ColumnInfo, EntityInfo, is_integer};
use crate::service::error::ServiceError;

impl Predicate {
    /// Whether the SQL condition would find the image's row.
    pub(crate) fn admits(&self, entity: &EntityInfo, image: &Image) -> bool {
        self.truth(entity, image) == Some(true)
    }

    /// Checks that every test means the same in memory as in SQL.
    ///
    /// # Errors
    /// `BAD_INPUT` for tests that depend on the database's collation, and for tests of columns whose values are
    /// not in the log.
    pub(crate) fn check_streamable(&self, entity: &EntityInfo) -> Result<(), ServiceError> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts
                .iter()
                .try_for_each(|part| part.check_streamable(entity)),
            Self::Not(inner) => inner.check_streamable(entity),
            Self::Test { column, test } => {
                if entity.by_name(column).is_some_and(|c| c.is_hidden) {
                    return Err(ServiceError::bad_input(format!(
                        "a subscription cannot filter by `{column}`: the log keeps no value of it"
                    )));
                }
                let is_text = entity.by_name(column).is_some_and(|c| is_text(&c.ty));
                if is_text && test.is_equality() {
                    check_decided(entity, column)?;
                }
                let by_collation = match test {
                    Test::Text(..) => true,
                    Test::Between(..) | Test::NotBetween(..) => is_text,
                    Test::Compare(how, _) => {
                        is_text && !matches!(how, Comparison::Eq | Comparison::Ne)
                    }
                    _ => false,
                };
                if by_collation {
                    return Err(ServiceError::bad_input(format!(
                        "a subscription cannot order text or match patterns (`{column}`): the \
                         database's collation alone decides them; use eq, ne, is_in or is_null"
                    )));
                }
                Ok(())
            }
        }
    }

    /// Evaluates the predicate; `None` is SQL's unknown.
    fn truth(&self, entity: &EntityInfo, image: &Image) -> Option<bool> {
        match self {
            Self::All(parts) => parts.iter().try_fold_truth(true, entity, image),
            Self::Any(parts) => parts.iter().try_fold_truth(false, entity, image),
            Self::Not(inner) => inner.truth(entity, image).map(|truth| !truth),
            Self::Test { column, test } => {
                let value = image.get(*column).unwrap_or(&Json::Null);
                holds(entity.by_name(column)?, value, test)
            }
        }
    }
}

/// AND and OR with unknowns: one `!neutral` decides; otherwise an unknown makes the result unknown.
trait FoldTruth<'a> {
    fn try_fold_truth(self, neutral: bool, entity: &EntityInfo, image: &Image) -> Option<bool>;
}

impl<'a, I: Iterator<Item = &'a Predicate>> FoldTruth<'a> for I {
    fn try_fold_truth(self, neutral: bool, entity: &EntityInfo, image: &Image) -> Option<bool> {
        let mut result = Some(neutral);
        for part in self {
            match part.truth(entity, image) {
                Some(truth) if truth != neutral => return Some(truth),
                Some(_) => {}
                None => result = None,
            }
        }
        result
    }
}

impl Test {
    /// Whether it tests if values are equal.
    fn is_equality(&self) -> bool {
        matches!(
            self,
            Self::Compare(Comparison::Eq | Comparison::Ne, _) | Self::In(_) | Self::NotIn(_)
        )
    }
}

/// Checks that equality of the column's texts can be decided in memory.
fn check_decided(entity: &EntityInfo, column: &str) -> Result<(), ServiceError> {
    let undecided = entity
        .by_name(column)
        .and_then(|column| column.equality.undecided());
    undecided.map_or(Ok(()), |Undecided { collation, cure }| {
        Err(ServiceError::bad_input(format!(
            "a subscription cannot test whether texts of `{column}` are equal: the database alone can \
             judge by {collation}; filter by another column, or {cure}"
        )))
    })
}

fn holds(column: &ColumnInfo, value: &Json, test: &Test) -> Option<bool> {
    match test {
        Test::IsNull => return Some(value.is_null()),
        Test::IsNotNull => return Some(!value.is_null()),
        // In SQL as SeaQuery writes it, an empty list contains nothing, not even null.
        Test::In(list) if list.is_empty() => return Some(false),
        Test::NotIn(list) if list.is_empty() => return Some(true),
        _ if value.is_null() => return None,
        _ => {}
    }
    let against = |operand: &Operand| compare(column, &column.equality, value, &operand.image);
    let is_among = |list: &[Operand]| {
        let equality = column.equality.within_list(list.len());
        let is_equal = |operand: &Operand| compare(column, equality, value, &operand.image);
        list.iter()
            .any(|operand| is_equal(operand).is_some_and(Ordering::is_eq))
    };
    match test {
        Test::Compare(how, operand) => {
            let order = against(operand)?;
            Some(match how {
                Comparison::Eq => order.is_eq(),
                Comparison::Ne => order.is_ne(),
                Comparison::Gt => order.is_gt(),
                Comparison::Gte => order.is_ge(),
                Comparison::Lt => order.is_lt(),
                Comparison::Lte => order.is_le(),
            })
        }
        Test::In(list) => Some(is_among(list)),
        Test::NotIn(list) => Some(!is_among(list)),
        Test::Between(low, high) => Some(against(low)?.is_ge() && against(high)?.is_le()),
        Test::NotBetween(low, high) => Some(against(low)?.is_lt() || against(high)?.is_gt()),
        // These are refused for streams.
        Test::Text(Pattern::EqualIgnoringCase | Pattern::Contains | Pattern::StartsWith, _)
        | Test::Text(Pattern::EndsWith | Pattern::Like | Pattern::NotLike, _)
        | Test::IsNull
        | Test::IsNotNull => None,
    }
}

/// The order of a stored value and an operand, as the database has it; `None` for a value that does
/// not fit the column.
fn compare(column: &ColumnInfo, equality: &Equality, a: &Json, b: &Json) -> Option<Ordering> {
    use ColumnType as T;
    match &column.ty {
        T::BigInteger | T::BigUnsigned => {
            let number = |json: &Json| json.as_str()?.parse::<i128>().ok();
            Some(number(a)?.cmp(&number(b)?))
        }
        T::Decimal(_) | T::Money(_) => {
            let number = |json: &Json| BigDecimal::from_str(json.as_str()?).ok();
            Some(number(a)?.cmp(&number(b)?))
        }
        T::Float | T::Double => {
            let (a, b) = (float(a)?, float(b)?);
            // NaN equals itself and is above everything, as on PostgreSQL.
            a.partial_cmp(&b)
                .or_else(|| Some(a.is_nan().cmp(&b.is_nan())))
        }
        T::Date | T::DateTime | T::Timestamp | T::TimestampWithTimeZone => {
            Some(moment(a.as_str()?)?.cmp(&moment(b.as_str()?)?))
        }
        _ => match (a, b) {
            (Json::Number(a), Json::Number(b)) => Some(a.as_i64()?.cmp(&b.as_i64()?)),
            (Json::Bool(a), Json::Bool(b)) => Some(a.cmp(b)),
            // Times and UUIDs order by their text; other text is only tested for equality.
            (Json::String(a), Json::String(b)) => {
                let (a, b) = (equality.stored(a), equality.operand(b));
                Some(a.cmp(&b))
            }
            _ => None,
        },
    }
}

/// The year, and the rest, which can be compared as text. Years may be `-0044` and `+10000`.
fn moment(text: &str) -> Option<(i32, &str)> {
    let end = text.get(1..)?.find('-')? + 1;
    let (year, rest) = text.split_at(end);
    Some((year.parse().ok()?, rest))
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Types whose order depends on the collation or is specific to the database.
fn is_text(ty: &ColumnType) -> bool {
    use ColumnType as T;
    let has_own_order = matches!(
        ty,
        T::Year
            | T::Float
            | T::Double
            | T::Decimal(_)
            | T::Money(_)
            | T::Boolean
            | T::Uuid
            | T::Date
            | T::Time
            | T::DateTime
            | T::Timestamp
            | T::TimestampWithTimeZone
    );
    !is_integer(ty) && !has_own_order
}
