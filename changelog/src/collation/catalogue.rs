//! The collations of a table's columns as the catalogue has them.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult};

use super::{Equality, Undecided};
use crate::triggers::{column_names, name, statement};

/// The columns of a table that are not compared character by character, by their names in the catalogue.
/// None where there is no such table.
///
/// # Errors
/// What the database says.
pub async fn equalities<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let mut found = match db.get_database_backend() {
        DbBackend::Postgres => read(db, table, POSTGRES, of_postgres).await?,
        DbBackend::MySql => read(db, table, MARIADB, of_mariadb).await?,
        _ => of_sqlite(db, table).await?,
    };
    found.retain(|_, equality| *equality != Equality::Exact);
    Ok(found)
}

/// A domain has the type that it is made of, at the end of however many domains.
const POSTGRES: &str = "WITH RECURSIVE base (attnum, type) AS (
      SELECT a.attnum, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE c.relname = ? AND c.relnamespace = current_schema()::regnamespace
        AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type
      WHERE t.typtype = 'd')
    SELECT a.attname::text AS name, t.typname::text AS ty,
      CASE WHEN NOT l.collisdeterministic THEN l.collname::text END AS collation
    FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
    JOIN pg_class c ON c.relname = ? AND c.relnamespace = current_schema()::regnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = b.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation";

fn of_postgres(row: &QueryResult) -> Result<Equality, DbErr> {
    let ty: String = row.try_get("", "ty")?;
    let collation: Option<String> = row.try_get("", "collation")?;
    let undecided = |collation| {
        Equality::Undecided(Undecided {
            collation,
            cure: "give it the type text and a deterministic collation",
        })
    };
    Ok(match (collation, ty.as_str()) {
        (Some(collation), _) => undecided(collation),
        (None, "citext" | "_citext") => undecided("citext".to_owned()),
        (None, "bpchar") => Equality::PaddedWhenStored,
        (None, _) => Equality::Exact,
    })
}

/// A value of an enumeration is one of its words, which are all different, in the word's own letters.
const MARIADB: &str = "SELECT COLUMN_NAME AS name, COLLATION_NAME AS collation
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLLATION_NAME IS NOT NULL
      AND DATA_TYPE NOT IN ('enum', 'set')";

fn of_mariadb(row: &QueryResult) -> Result<Equality, DbErr> {
    let collation: String = row.try_get("", "collation")?;
    let is_exact = collation == "binary"
        || ["_nopad_bin", "_0900_bin"]
            .iter()
            .any(|end| collation.ends_with(end));
    Ok(if is_exact {
        Equality::Exact
    } else if collation.ends_with("_bin") {
        Equality::Padded
    } else {
        Equality::Undecided(Undecided {
            collation,
            cure: "give it a binary collation, such as utf8mb4_nopad_bin",
        })
    })
}

/// Reads rows that have a column's `name` and what `equality` looks at; `sql` has the table's name for
/// each `?`.
async fn read<C: ConnectionTrait>(
    db: &C,
    table: &str,
    sql: &str,
    equality: fn(&QueryResult) -> Result<Equality, DbErr>,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let backend = db.get_database_backend();
    let select = if sql.matches('?').count() == 1 {
        statement(backend, sql, [table.into()])
    } else {
        statement(backend, sql, [table.into(), table.into()])
    };
    let rows = db.query_all_raw(select).await?;
    let columns = rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, equality(row)?)));
    columns.collect()
}

/// SQLite's catalogue has collations only in the text of `CREATE TABLE`. How it would compare a column is
/// in its program for a comparison, which is not run.
async fn of_sqlite<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let backend = DbBackend::Sqlite;
    let mut found = BTreeMap::new();
    for column in column_names(db, table).await? {
        let sql = format!(
            "EXPLAIN SELECT {} = '' FROM {}",
            name(&column, backend),
            name(table, backend)
        );
        let program = db.query_all_raw(statement(backend, &sql, [])).await?;
        let mut collation = "?-".to_owned();
        // A column that is computed may compare, too, and does so before.
        for step in program {
            if step.try_get::<String>("", "opcode")? == "Eq" {
                let named: Option<String> = step.try_get("", "p4")?;
                // Row numbers have none.
                collation = named.unwrap_or_else(|| "BINARY-".to_owned());
            }
        }
        found.insert(column, named(&collation));
    }
    Ok(found)
}

/// The equality of `NOCASE-8`: the collation's name and the encoding that it compares.
fn named(collation: &str) -> Equality {
    let (name, _) = collation.rsplit_once('-').unwrap_or((collation, ""));
    match name.to_ascii_uppercase().as_str() {
        "BINARY" => Equality::Exact,
        "NOCASE" => Equality::AsciiCase,
        "RTRIM" => Equality::Padded,
        _ => Equality::Undecided(Undecided {
            collation: name.to_owned(),
            cure: "make the table anew with the collation BINARY, NOCASE or RTRIM",
        }),
    }
}
