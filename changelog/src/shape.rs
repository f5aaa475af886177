//! What a table looks like: as the catalogue has it, and as a version of it is kept for the log.
//!
//! Data only. Knows no database and nothing of who reads or writes a shape.

use sea_orm::ColumnType;
use sea_orm::sea_query::ArrayType;
use serde::{Deserialize, Serialize};

/// How much of a column the log shows: the later, the less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Its values.
    #[default]
    Whole,
    /// That it has changed.
    Redacted,
    /// Nothing.
    Not,
}

/// A column in one version of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The same in all versions.
    pub number: u32,
    /// Its name in this version.
    pub name: String,
    /// Its type in the catalogue's words.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it is part of the primary key.
    pub is_key: bool,
    /// How much of it the log shows.
    #[serde(default)]
    pub shown: Shown,
}

/// One version of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number: 1 is the first.
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
    /// The type in the catalogue's words, in lower case.
    pub ty: String,
    /// Whether it is part of the primary key.
    pub is_key: bool,
}

/// A unique index of SQLite, by which a REPLACE removes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// Columns and their collations.
    pub columns: Vec<(String, String)>,
}

/// A table in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its columns, in their order.
    pub columns: Vec<Found>,
    /// SQLite only.
    pub uniques: Vec<Unique>,
    /// SQLite only: the table has no hidden row number.
    pub without_rowid: bool,
    /// PostgreSQL only: rows can come and go by statements on another table (partitions, children),
    /// or a trigger of someone's may write between a row and the end of its statement.
    pub is_entangled: bool,
}

/// How a column's values are read and written.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The type by which images write a value.
    pub column: ColumnType,
    /// The type of the field that holds it.
    pub rust: ArrayType,
}

/// What a type's name begins with.
pub fn base(ty: &str) -> &str {
    ty.split(['(', ' ']).next().unwrap_or(ty)
}
