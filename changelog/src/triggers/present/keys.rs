//! Places in key order, as SQL.
//!
//! A place is kept as literals and not as bound values, because a key may be of any type that the
//! database has: the database writes the value down, and reads it back as it compares.

use sea_orm::{DbBackend, DbErr, QueryResult};

use super::super::mariadb::{base, is_hexadecimal};
use super::super::schema::Column;
use super::super::{literal, name};
use super::place_alias;

/// A row's key: one literal for each of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(Vec<String>);

impl Place {
    /// Takes it from a row with the columns that [`place_alias`] names, made by [`sql_text`].
    pub(in super::super) fn of(
        row: &QueryResult,
        keys: &[Column],
        backend: DbBackend,
    ) -> Result<Self, DbErr> {
        let literals = keys.iter().enumerate().map(|(n, key)| {
            let text: String = row.try_get("", &place_alias(n))?;
            Ok(literal_of(&text, key, backend))
        });
        literals.collect::<Result<_, DbErr>>().map(Self)
    }
}

/// How MariaDB compares a type with a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Number,
    /// Ordered by its number, compared with a text as a text.
    Member,
    Text,
}

fn kind(ty: &str) -> Kind {
    match base(ty) {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
        | "double" | "bit" | "year" => Kind::Number,
        "enum" | "set" => Kind::Member,
        other if is_hexadecimal(other) => Kind::Binary,
        _ => Kind::Text,
    }
}

/// What of a key column is compared and ordered by.
fn compared(key: &Column, row: &str, backend: DbBackend) -> String {
    let value = format!("{row}.{}", name(&key.name, backend));
    match backend {
        DbBackend::MySql if kind(&key.ty) == Kind::Member => format!("({value} + 0)"),
        _ => value,
    }
}

/// A key column's value as a text of which [`literal_of`] makes a literal.
pub(in super::super) fn sql_text(key: &Column, row: &str, backend: DbBackend) -> String {
    let value = format!("{row}.{}", name(&key.name, backend));
    match backend {
        DbBackend::Postgres => format!("{value}::text"),
        DbBackend::MySql => match kind(&key.ty) {
            Kind::Binary => format!("HEX({value})"),
            Kind::Number if base(&key.ty) == "float" => {
                format!("CAST(CAST({value} AS DOUBLE) AS CHAR)")
            }
            Kind::Number | Kind::Member => format!("CAST({value} + 0 AS CHAR)"),
            Kind::Text => format!("HEX(CONVERT({value} USING utf8mb4))"),
        },
        // Not by `quote`, which ends a text at its first NUL.
        _ => format!(
            "CASE typeof({value}) WHEN 'text' THEN 'CAST(x''' || hex({value}) || ''' AS TEXT)'
             ELSE quote({value}) END"
        ),
    }
}

fn literal_of(text: &str, key: &Column, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => literal(text, backend),
        DbBackend::MySql => match kind(&key.ty) {
            Kind::Binary => format!("x'{text}'"),
            // Its collation gives way to the column's.
            Kind::Text => format!("_utf8mb4 x'{text}'"),
            Kind::Number | Kind::Member => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

/// The order of keys.
pub(super) fn order(keys: &[Column], row: &str, backend: DbBackend) -> String {
    let columns = keys.iter().map(|key| compared(key, row, backend));
    columns.collect::<Vec<_>>().join(", ")
}

/// The rows after a place: (a > x) or (a = x and b > y) …, and a >= x for the planner.
pub(in super::super) fn beyond(
    keys: &[Column],
    row: &str,
    after: Option<&Place>,
    backend: DbBackend,
) -> String {
    let columns: Vec<String> = keys.iter().map(|key| compared(key, row, backend)).collect();
    // A key of SQLite may be null; such a row cannot be told.
    let mut conditions: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} IS NOT NULL"))
        .collect();
    if let Some(Place(literals)) = after {
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
    places: impl Iterator<Item = &'a Place>,
    backend: DbBackend,
) -> String {
    let columns: Vec<String> = keys.iter().map(|key| compared(key, row, backend)).collect();
    if let [column] = &columns[..] {
        let literals = places.flat_map(|Place(literals)| literals.iter().map(String::as_str));
        return format!("{column} IN ({})", literals.collect::<Vec<_>>().join(", "));
    }
    let rows = places.map(|Place(literals)| {
        let pairs = columns.iter().zip(literals);
        let same: Vec<String> = pairs.map(|(c, v)| format!("{c} = {v}")).collect();
        format!("({})", same.join(" AND "))
    });
    rows.collect::<Vec<_>>().join(" OR ")
}
