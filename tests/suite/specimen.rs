//! The specimen: a table with a column of every type that SeaORM supports on the database, and
//! values at the types' extremes through hook, log and GraphQL and back into a model.
//!
//! Each case runs on the database it is given, on a specimen of that database's own.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

mod arrays;
mod baselined;
mod entity;
mod fields;
mod filters;
mod ground;
mod logged;
mod mariadb;
mod networks;
mod numbers;
mod postgres;
mod refused;
mod sample;
mod served;
mod sqlite;
mod texts;
mod times;
mod triggered;
mod words;

use sea_orm::{DatabaseConnection, EntityTrait, IdenStatic, Iterable, TryIntoModel};
use seachange::{App, Writable};

use sample::Column;
use seachange_testkit::{Case, Outcome};
use serde_json::Value as Json;

/// All of them.
pub fn cases() -> Vec<Case> {
    let parts = [
        logged::cases(),
        served::cases(),
        refused::cases(),
        filters::cases(),
        triggered::cases(),
        baselined::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// An entity of a specimen.
pub trait Table:
    Writable + EntityTrait<Column: Iterable, ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>>
{
}

impl<E> Table for E where
    E: Writable
        + EntityTrait<Column: Iterable, ActiveModel: TryIntoModel<<E as EntityTrait>::Model>>
{
}

/// Columns that take only few of the values of their types, on every database.
const FEW: [&str; 6] = ["text_uuid", "mood", "level", "weather", "seconds", "millis"];

/// The specimen of one database.
pub trait Specimen {
    /// `specimen`: every column has a value.
    type Required: Table;
    /// `specimen_optional`: every column may be null.
    type Optional: Table;

    /// Digits before and after the point that decimals without a scale keep.
    const DECIMAL_DIGITS: (u32, u32);

    /// Registers both.
    fn register(app: App) -> App;
    /// Makes the tables.
    async fn create(db: &DatabaseConnection) -> Outcome;
    /// The columns but for the key, with their samples.
    fn columns() -> Vec<Column>;
    /// Whether the order of a column's values is the database's own affair: text by its collation,
    /// enumerations, addresses. Subscriptions refuse to order by it.
    fn is_ordered_by_database(column: &str) -> bool {
        let ordered = [
            "string",
            "short",
            "fixed",
            "text",
            "text_uuid",
            "mood",
            "weather",
            "interval",
            "inet",
            "cidr",
            "mac",
        ];
        ordered.contains(&column)
    }
    /// Whether the column takes only few of the values of its type in Rust: [`FEW`], and others.
    fn has_few(column: &str) -> bool;
    /// The columns with those samples only that the database orders as everyone else does.
    fn ordered_columns() -> Vec<Column> {
        Self::columns()
    }
    /// What columns do not take, as GraphQL would have it.
    fn refused() -> Vec<(&'static str, Json)>;
}

/// The columns that an entity has.
fn columns_of<S: Specimen, E: Table>() -> Vec<Column> {
    those_of::<E>(S::columns())
}

/// Those of the columns that an entity has.
fn those_of<E: Table>(columns: Vec<Column>) -> Vec<Column> {
    let has = |name| E::Column::iter().any(|column| column.as_str() == name);
    columns
        .into_iter()
        .filter(|column| has(column.name))
        .collect()
}

/// Runs a generic case on the specimen of the server's database.
macro_rules! on_each {
    ($server:ident, $case:ident) => {
        match $server.kind {
            seachange_testkit::Database::Sqlite => {
                $case::<$crate::specimen::sqlite::Sqlite>($server).await
            }
            seachange_testkit::Database::Postgres(_) => {
                $case::<$crate::specimen::postgres::Postgres>($server).await
            }
            seachange_testkit::Database::MariaDb(_) => {
                $case::<$crate::specimen::mariadb::MariaDb>($server).await
            }
        }
    };
}

use on_each;
