//! The change log: its table as a SeaORM entity, and the words stored in it.
//!
//! Rows are only ever added here; retention alone deletes. `id` is assigned by the database in the
//! transaction that made the change. What order a reader may trust is the feed's business.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, InsertStatement, Query, Value};
use sea_orm::{ActiveValue, DbBackend, Iterable};
use serde::{Deserialize, Serialize};

/// What happened to a row.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(6))")]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// The row came to be.
    #[sea_orm(string_value = "insert")]
    Insert,
    /// At least one column got another value.
    #[sea_orm(string_value = "update")]
    Update,
    /// The row is gone.
    #[sea_orm(string_value = "delete")]
    Delete,
}

impl Operation {
    /// The word stored in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a change came into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An entity's hooks.
    #[sea_orm(string_value = "hook")]
    Hook,
    /// A database trigger.
    #[sea_orm(string_value = "trigger")]
    Trigger,
    /// The row as it was when tracking began.
    #[sea_orm(string_value = "baseline")]
    Baseline,
}

impl Source {
    /// The word stored in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Trigger => "trigger",
            Self::Baseline => "baseline",
        }
    }
}

/// One row of the change log.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "change_log")]
pub struct Model {
    /// Assigned by the database, increasing, never used twice.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The table the row belongs to.
    pub entity: String,
    /// Primary key columns and their values, as in the images.
    #[sea_orm(column_type = "Json")]
    pub row_key: Json,
    /// What happened.
    pub operation: Operation,
    /// The row before; null for an insert.
    #[sea_orm(column_type = "Json", nullable)]
    pub before: Option<Json>,
    /// The row after; null for a delete.
    #[sea_orm(column_type = "Json", nullable)]
    pub after: Option<Json>,
    /// Who acted.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// Free facts about the transaction.
    #[sea_orm(column_type = "Json", nullable)]
    pub metadata: Option<Json>,
    /// The same for all changes committed together.
    pub transaction_id: String,
    /// How the change was captured.
    pub source: Source,
    /// Which shape of the table the images have.
    pub schema_version: i32,
    /// When capture recorded it (UTC, microseconds). Not an order.
    pub recorded_at: ChronoDateTimeUtc,
}

/// The log has no relations: rows outlive what they tell of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The statement that adds a row. JSON travels as text: the driver would declare it `jsonb` to
/// PostgreSQL, which refuses \u0000 and drops the sign of -0.0 on the way to a `json` column.
pub(crate) fn insertion(row: &ActiveModel, backend: DbBackend) -> InsertStatement {
    let set = Column::iter().filter_map(|column| match row.get(column) {
        ActiveValue::Set(value) => Some((column, expression(value, backend))),
        ActiveValue::Unchanged(_) | ActiveValue::NotSet => None,
    });
    let (columns, values): (Vec<Column>, Vec<Expr>) = set.unzip();
    Query::insert()
        .into_table(Entity)
        .columns(columns)
        .values_panic(values)
        .take()
}

fn expression(value: Value, backend: DbBackend) -> Expr {
    let Value::Json(json) = value else {
        return Expr::val(value);
    };
    let text = Expr::val(json.map(|json| json.to_string()));
    match backend {
        DbBackend::Postgres => text.cast_as("json"),
        _ => text,
    }
}
