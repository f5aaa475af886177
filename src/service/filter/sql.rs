//! The predicate as a SQL condition.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, IdenStatic, Iterable, Value};
use seachange_changelog::internal::{self, bindable};

use super::sqlite_times::{self, Keys, Moments, Side};
use super::{Comparison, Operand, Pattern, Predicate, Test};

/// The condition that holds for exactly the rows that the predicate admits.
pub(crate) fn condition<E: EntityTrait>(predicate: &Predicate, backend: DbBackend) -> Condition {
    let times = sqlite_times::tested::<E>(predicate, backend);
    if times.len() <= sqlite_times::INLINE {
        return part::<E>(predicate, (backend, Keys::Inline), Side::Holds);
    }
    let inner = part::<E>(predicate, (backend, Keys::Named), Side::Holds);
    sqlite_times::named::<E>(times, inner, backend)
}

fn part<E: EntityTrait>(predicate: &Predicate, on: (DbBackend, Keys), side: Side) -> Condition {
    match predicate {
        Predicate::All(parts) => parts.iter().fold(Condition::all(), |all, each| {
            all.add(part::<E>(each, on, side))
        }),
        Predicate::Any(parts) => parts.iter().fold(Condition::any(), |any, each| {
            any.add(part::<E>(each, on, side))
        }),
        Predicate::Not(inner) => part::<E>(inner, on, Side::Negated).not(),
        Predicate::Test { column, test } => {
            let column = E::Column::iter().find(|candidate| candidate.as_str() == *column);
            // A predicate is parsed for the entity it is used with, so the column exists. If it did
            // not, no row may match.
            column.map_or_else(nothing, |column| {
                let by_moment =
                    Moments::of::<E>(column, on).and_then(|moments| moments.test(test, side));
                let by_value = || expression(column, test, on.0);
                Condition::all().add(by_moment.unwrap_or_else(by_value))
            })
        }
    }
}

fn nothing() -> Condition {
    Condition::all().add(Expr::val(1).eq(2))
}

fn expression<C: ColumnTrait>(column: C, test: &Test, backend: DbBackend) -> Expr {
    let value = |operand: &Operand| bindable(operand.value.clone(), backend);
    let values = |operands: &[Operand]| -> Vec<Value> { operands.iter().map(value).collect() };
    match test {
        Test::Compare(how, operand) => {
            let value = value(operand);
            match how {
                Comparison::Eq => column.eq(value),
                Comparison::Ne => column.ne(value),
                Comparison::Gt => column.gt(value),
                Comparison::Gte => column.gte(value),
                Comparison::Lt => column.lt(value),
                Comparison::Lte => column.lte(value),
            }
        }
        Test::In(operands) => column.is_in(values(operands)),
        Test::NotIn(operands) => column.is_not_in(values(operands)),
        // SeaORM's `between` is avoided, because it leaves out the casts that enumerations need.
        Test::Between(low, high) => column.gte(value(low)).and(column.lte(value(high))),
        Test::NotBetween(low, high) => column.lt(value(low)).or(column.gt(value(high))),
        Test::IsNull => column.is_null(),
        Test::IsNotNull => column.is_not_null(),
        Test::Text(pattern, text) => {
            let by_bytes = internal::on(backend).facts().like_ends_at_nul;
            let by_bytes = by_bytes.then(|| bytes_expression(column, *pattern, text));
            by_bytes
                .flatten()
                .unwrap_or_else(|| text_expression(column, *pattern, text))
        }
    }
}

fn text_expression<C: ColumnTrait>(column: C, pattern: Pattern, text: &str) -> Expr {
    match pattern {
        Pattern::EqualIgnoringCase => {
            Func::lower(column.into_expr()).eq(Func::lower(Expr::val(text)))
        }
        Pattern::Contains => column.like(escaped("%", text, "%")),
        Pattern::StartsWith => column.like(escaped("", text, "%")),
        Pattern::EndsWith => column.like(escaped("%", text, "")),
        Pattern::Like => column.like(text),
        Pattern::NotLike => column.not_like(text),
    }
}

/// What SQLite's `LIKE` would say if it did not end at a NUL: ASCII letters are equal whatever their case. `None` for
/// a pattern with wildcards of the caller.
fn bytes_expression<C: ColumnTrait>(column: C, pattern: Pattern, text: &str) -> Option<Expr> {
    let lower = |text: Expr| Expr::from(Func::lower(text));
    let (stored, sought) = (lower(column.into_expr()), lower(Expr::val(text)));
    let place = |stored: Expr, sought: Expr| {
        let instr = Func::cust("instr").arg(stored.cast_as("blob"));
        Expr::from(instr.arg(sought.cast_as("blob")))
    };
    let hex = |text: Expr| Expr::from(Func::cust("hex").arg(text));
    match pattern {
        Pattern::StartsWith => Some(place(stored, sought).eq(1)),
        Pattern::EndsWith if !text.is_empty() => {
            // SQLite makes NULL of no bytes, but not of no hexadecimal digits.
            let digits = i64::try_from(text.len() * 2).ok()?;
            let end = Func::cust("substr").arg(hex(stored)).arg(-digits);
            Some(Expr::from(end).eq(hex(sought)))
        }
        Pattern::Contains | Pattern::EndsWith => Some(place(stored, sought).gt(0)),
        Pattern::EqualIgnoringCase | Pattern::Like | Pattern::NotLike => None,
    }
}

/// Matches the text literally, between wildcards: `%` and `_` in the text are escaped.
fn escaped(before: &str, text: &str, after: &str) -> LikeExpr {
    let mut literal = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            literal.push('!');
        }
        literal.push(character);
    }
    LikeExpr::new(format!("{before}{literal}{after}")).escape('!')
}
