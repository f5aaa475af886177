//! The change log: its table as a SeaORM entity, and the words stored in it.
//!
//! Rows are only ever added here, and only retention deletes them. `id` is assigned by the database in the
//! transaction that made the change. Which order a reader may rely on is decided by the feed.
//!
//! [`Entity`] shows the rows as they are **stored**, for an audit by SQL or SeaORM. The feed and the history of the
//! crate `seachange` show them as they are **meant**, and differ in this:
//!
//! - Rows with the source `trigger` or `baseline` have values in the database's own text form, in which an `i64` may
//!   be the number 1 and a time `2026-11-30 12:00:00+00`; rows of hooks have images, in which they are `"1"` and
//!   `"2026-11-30T12:00:00.000000Z"`. So one row can have two spellings of its key here. Readers make images of both,
//!   by the types of the program's entity, if one is linked, and of the catalogue otherwise. On SQLite, whose
//!   catalogue says little, link the entities: a value that reads as a text without its entity is a number with it.
//! - Names of columns are those of the time of the change; readers show today's.
//! - On MariaDB, committed changes wait in `change_inbox` until a reader moves them here.

use sea_orm::Iterable;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, InsertStatement, Query, Value};
use serde::{Deserialize, Serialize};

use crate::database::{Dialect, database_error, of_error};

/// The kind of a change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(6))")]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// The row was created.
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

/// How a change got into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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

/// In the metadata of a change: it was written to make room for others, and has no meaning where the row's next
/// change of the same transaction writes over it. No client can say this of a change.
pub const INTERIM: &str = "interim";

/// One row of the change log, as it is stored: see [the module](self) for what that means for rows of triggers.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "change_log")]
pub struct Model {
    /// Assigned by the database, increasing, never used twice.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The table the row belongs to.
    pub entity: String,
    /// Primary key columns and their values, in the same form as in `before` and `after`.
    #[sea_orm(column_type = "Json")]
    pub row_key: Json,
    /// The kind of the change.
    pub operation: Operation,
    /// The row before; null for an insert.
    #[sea_orm(column_type = "Json", nullable)]
    pub before: Option<Json>,
    /// The row after; null for a delete.
    #[sea_orm(column_type = "Json", nullable)]
    pub after: Option<Json>,
    /// The actor.
    pub actor: Option<String>,
    /// The client's idempotency key.
    pub mutation_id: Option<String>,
    /// Arbitrary facts about the transaction.
    #[sea_orm(column_type = "Json", nullable)]
    pub metadata: Option<Json>,
    /// The same for all changes committed together.
    pub transaction_id: String,
    /// How the change was captured, which says in what form its values are stored.
    pub source: Source,
    /// Which shape of the table the images have.
    pub schema_version: i32,
    /// When capture recorded it (UTC, microseconds). It does not define an order.
    pub recorded_at: ChronoDateTimeUtc,
}

impl Model {
    /// Whether what the change left has no meaning, if the transaction went on to change the row: see
    /// [`INTERIM`].
    #[must_use]
    pub fn is_interim(&self) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.is_some_and(|metadata| metadata[INTERIM] == true)
    }
}

/// The log has no relations, because its rows outlive the rows that they describe.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A statement that adds one row, unless triggers write the log of the table; it also looks up the table's
/// newest version. JSON is bound as text: the driver would declare it to PostgreSQL as `jsonb`, which refuses
/// \u0000 and drops the sign of -0.0 on the way to a `json` column.
///
/// If triggers write the log, it adds no row; on MariaDB it then fails, see [`left_to_triggers`].
pub(crate) fn insertion(row: &ActiveModel, entity: &str, dialect: &dyn Dialect) -> InsertStatement {
    let columns = || Column::iter().filter(|column| !matches!(column, Column::Id));
    let values = columns().map(|column| match row.get(column).into_value() {
        _ if matches!(column, Column::SchemaVersion) => version_of(entity, dialect),
        Some(Value::Json(json)) => dialect.json(Expr::val(json.map(|json| json.to_string()))),
        Some(value) => Expr::val(value),
        None => Expr::val(Value::String(None)),
    });
    let mut insertion = Query::insert();
    insertion.into_table(Entity).columns(columns());
    // There are as many columns as expressions, because both come from one list.
    if dialect.facts().insert_select_locks {
        let _ = insertion.values(values);
        return insertion;
    }
    let guard = "NOT EXISTS (SELECT 1 FROM change_capture WHERE entity = ? AND writer = 'trigger')";
    let guard = dialect.statement(guard, Vec::new()).sql;
    let mut select = Query::select();
    select
        .exprs(values)
        .and_where(Expr::cust_with_values(guard, [entity]));
    let _ = insertion.select_from(select);
    insertion
}

/// The table's newest version.
///
/// On MariaDB it is null if triggers write, which the column refuses. There the row is added by `VALUES`: for
/// `INSERT … SELECT` InnoDB locks the table's AUTO_INCREMENT counter, for which a trigger would wait and
/// which it would then hold until the statement that fired it has ended. The entry of the writer is locked,
/// so that it cannot be switched before this transaction ends.
fn version_of(entity: &str, dialect: &dyn Dialect) -> Expr {
    let version = "COALESCE((SELECT version FROM change_capture WHERE entity = ?), 1)";
    if !dialect.facts().insert_select_locks {
        let version = dialect.statement(version, Vec::new()).sql;
        return Expr::cust_with_values(version, [entity]);
    }
    let lock = dialect.facts().share_lock;
    let sql = format!(
        "IF(EXISTS (SELECT 1 FROM change_capture WHERE entity = ? AND writer = 'trigger'{lock}),
           NULL, {version})"
    );
    let sql = dialect.statement(&sql, Vec::new()).sql;
    Expr::cust_with_values(sql, [entity, entity])
}

/// Whether an [`insertion`] failed because triggers write the log of the table.
pub(crate) fn left_to_triggers(error: &DbErr) -> bool {
    let Some(reported) = database_error(error) else {
        return false;
    };
    of_error(reported).is_some_and(|dialect| dialect.is_left_to_triggers(reported))
}
