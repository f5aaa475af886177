//! The shapes of tables: as the catalogue has them, and as versions that are stored for the log.
//!
//! This module is data only. It knows no database and not who reads or writes a shape.

use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;
use serde::{Deserialize, Serialize};

/// How much of a column the log shows. Later variants show less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The log shows its values.
    #[default]
    Whole,
    /// The log shows only that it has changed.
    Redacted,
    /// The log shows nothing.
    Not,
}

/// A column in one version of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's number, which is the same in all versions.
    pub number: u32,
    /// Its name in this version.
    pub name: String,
    /// Its type as the catalogue names it.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it is part of the primary key.
    pub is_key: bool,
    /// How much of it the log shows.
    #[serde(default)]
    pub shown: Shown,
}

/// The version of a table of which nothing is stored: it has always been captured by hooks, and its shape has
/// not changed.
pub const FIRST_VERSION: i32 = 1;

/// One version of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from [`FIRST_VERSION`] on.
    pub version: i32,
    /// The table's columns.
    pub columns: Vec<Column>,
}

impl Version {
    /// The columns of the primary key.
    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_key)
    }
}

/// A column in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// The type as the catalogue names it, in lower case.
    pub ty: String,
    /// Whether it is part of the primary key.
    pub is_key: bool,
}

/// A unique index of SQLite, by which a REPLACE removes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Its columns and their collations.
    pub columns: Vec<(String, String)>,
}

/// A table in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its columns, in their order.
    pub columns: Vec<Found>,
    /// The unique indexes, on SQLite only.
    pub uniques: Vec<Unique>,
    /// Whether the table lacks the hidden row number, on SQLite only.
    pub without_rowid: bool,
    /// Whether rows can come and go by statements on another table (partitions, children), or another
    /// program's trigger may write between a row and the end of its statement. On PostgreSQL only.
    pub is_entangled: bool,
}

/// How a column's values are read and written.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The column type by which images write a value.
    pub column: ColumnType,
    /// The type of the field that holds the value.
    pub rust: ArrayType,
}

/// The first word of a type's name.
pub fn base(ty: &str) -> &str {
    ty.split(['(', ' ']).next().unwrap_or(ty)
}
