//! Places in key order, as SQL.
//!
//! A place is kept as literals, not as bound values, because a key may have any type of the database: the
//! database writes the value down, and reads it back as it compares.

use sea_orm::{DbErr, QueryResult};

use super::place_alias;
use crate::database::Dialect;
use crate::shape::Column;

/// A row's key: one literal for each of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPlace(Vec<String>);

impl KeyPlace {
    /// Reads the place from a row with the columns that [`place_alias`] names, made by [`Dialect::key_text`].
    pub(in super::super) fn of(
        row: &QueryResult,
        keys: &[Column],
        dialect: &dyn Dialect,
    ) -> Result<Self, DbErr> {
        let literals = keys.iter().enumerate().map(|(n, key)| {
            let text: String = row.try_get("", &place_alias(n))?;
            Ok(dialect.key_literal(&text, key))
        });
        literals.collect::<Result<_, DbErr>>().map(Self)
    }
}

/// The order of keys.
pub(super) fn order(keys: &[Column], row: &str, dialect: &dyn Dialect) -> String {
    let columns = keys.iter().map(|key| dialect.compared(key, row));
    columns.collect::<Vec<_>>().join(", ")
}

/// The rows after a place: (a > x) or (a = x and b > y) …, and a >= x for the planner.
pub(in super::super) fn beyond(
    keys: &[Column],
    row: &str,
    after: Option<&KeyPlace>,
    dialect: &dyn Dialect,
) -> String {
    let columns: Vec<String> = keys.iter().map(|key| dialect.compared(key, row)).collect();
    // A key of SQLite may be null; such a row cannot be identified.
    let mut conditions: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} IS NOT NULL"))
        .collect();
    if let Some(KeyPlace(literals)) = after {
        let pairs: Vec<(&String, &String)> = columns.iter().zip(literals).collect();
        let steps = pairs.iter().enumerate().map(|(n, (column, value))| {
            let same = pairs[..n].iter().map(|(c, v)| format!("{c} = {v} AND "));
            format!("({}{column} > {value})", same.collect::<String>())
        });
        conditions.push(format!("({})", steps.collect::<Vec<_>>().join(" OR ")));
        if let [(column, value), _, ..] = pairs[..] {
            conditions.push(format!("{column} >= {value}"));
        }
    }
    conditions.join(" AND ")
}

/// The rows at these places.
pub(in super::super) fn among<'a>(
    keys: &[Column],
    row: &str,
    places: impl Iterator<Item = &'a KeyPlace>,
    dialect: &dyn Dialect,
) -> String {
    let columns: Vec<String> = keys.iter().map(|key| dialect.compared(key, row)).collect();
    if let [column] = &columns[..] {
        let literals = places.flat_map(|KeyPlace(literals)| literals.iter().map(String::as_str));
        return format!("{column} IN ({})", literals.collect::<Vec<_>>().join(", "));
    }
    let rows = places.map(|KeyPlace(literals)| {
        let pairs = columns.iter().zip(literals);
        let same: Vec<String> = pairs.map(|(c, v)| format!("{c} = {v}")).collect();
        format!("({})", same.join(" AND "))
    });
    rows.collect::<Vec<_>>().join(" OR ")
}
