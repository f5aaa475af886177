//! Reads tables from the database's catalogue.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::collation::Equality;
use crate::database::{self, Dialect};
use crate::error::SetupRefusal;
use crate::shape::{Found, Table};

/// Reads a table.
///
/// # Errors
/// If there is no such table, if it has no primary key, or an error of the database.
pub(crate) async fn read<C: ConnectionTrait>(db: &C, table: &str) -> Result<Table, DbErr> {
    let columns = columns(db, table).await?;
    if columns.is_empty() {
        let table = table.to_owned();
        return Err(SetupRefusal::NoTable { table }.into());
    }
    if !columns.iter().any(|column| column.is_key) {
        let table = table.to_owned();
        return Err(SetupRefusal::NoPrimaryKey { table }.into());
    }
    let mut found = Table {
        columns,
        ..Table::default()
    };
    database::of(db).complete(db, table, &mut found).await?;
    Ok(found)
}

/// A table's columns; empty if the table is missing.
pub(crate) async fn columns<C: ConnectionTrait>(db: &C, table: &str) -> Result<Vec<Found>, DbErr> {
    let dialect = database::of(db);
    let sql = dialect.catalogue().columns;
    let rows = db.query_all_raw(dialect.ask_of(sql, table)).await?;
    rows.iter().map(|row| found(row, dialect)).collect()
}

fn found(row: &QueryResult, dialect: &dyn Dialect) -> Result<Found, DbErr> {
    Ok(Found {
        is_key: dialect.read_flag(row, "is_key")?,
        name: row.try_get("", "name")?,
        ty: row.try_get::<String>("", "ty")?.to_lowercase(),
    })
}

/// The names of a table's columns; empty if the table is missing.
///
/// # Errors
/// Errors of the database.
pub(crate) async fn column_names<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let columns = columns(db, table).await?;
    Ok(columns.into_iter().map(|column| column.name).collect())
}

/// The names of the columns of a table's primary key in the key's own order, which is that of its index.
pub(crate) async fn key_names<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    names(db, database::of(db).catalogue().key, table).await
}

/// The columns of a table that no statement may write: generated ones, and identities that the database
/// always assigns. Columns that a trigger fills are not included, because no catalogue knows them.
///
/// # Errors
/// Errors of the database.
pub(crate) async fn computed_columns<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    names(db, database::of(db).catalogue().computed, table).await
}

/// The tables of the database, by one query on its catalogue, because the catalogue's entry for a table's
/// columns takes MariaDB milliseconds for each table.
///
/// # Errors
/// Errors of the database.
pub(crate) async fn table_names<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let names = names(db, database::of(db).catalogue().tables, "").await?;
    Ok(names.into_iter().collect())
}

async fn names<C: ConnectionTrait>(db: &C, sql: &str, table: &str) -> Result<Vec<String>, DbErr> {
    let rows = db
        .query_all_raw(database::of(db).ask_of(sql, table))
        .await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

/// Whether the table exists.
///
/// # Errors
/// Errors of the database.
pub(crate) async fn is_there<C: ConnectionTrait>(db: &C, table: &str) -> Result<bool, DbErr> {
    let dialect = database::of(db);
    let ask = dialect.ask_of(dialect.catalogue().is_there, table);
    Ok(db.query_one_raw(ask).await?.is_some())
}

/// The columns of a table that are not compared character by character, by their names in the catalogue.
/// Empty if the table is missing.
///
/// # Errors
/// Errors of the database.
pub async fn equalities<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<BTreeMap<String, Equality>, DbErr> {
    let dialect = database::of(db);
    let mut found = dialect.equalities(db, table).await?;
    found.retain(|_, equality| *equality != Equality::Exact);
    Ok(found)
}

/// The columns of each index of a table, in the index's order. An index counts up to its first part that is
/// not a column in ascending order. Empty if the key may be null, or if it does not consist of the columns
/// `key`.
///
/// # Errors
/// Errors of the database.
pub async fn indexes<C: ConnectionTrait>(
    db: &C,
    table: &str,
    key: &[&str],
) -> Result<Vec<Vec<String>>, DbErr> {
    let dialect = database::of(db);
    let names = async |sql: &str| db.query_all_raw(dialect.ask_of(sql, table)).await;
    let mut stored = Vec::new();
    for row in names(dialect.catalogue().key).await? {
        stored.push(row.try_get::<String>("", "name")?);
    }
    if stored.len() != key.len() || !stored.iter().all(|name| key.contains(&name.as_str())) {
        return Ok(Vec::new());
    }
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut is_cut = false;
    for row in names(dialect.catalogue().indexes).await? {
        let name: String = row.try_get("", "name")?;
        if row.try_get::<i64>("", "place")? == 1 {
            all.push(Vec::new());
            is_cut = false;
        }
        is_cut |= name.is_empty();
        if let Some(index) = all.last_mut().filter(|_| !is_cut) {
            index.push(name);
        }
    }
    Ok(all)
}
