//! Adding many rows of one table by one statement.
//!
//! Most of what a row of the log holds is the same for all changes of a statement. It is sent once; of
//! each row only its key and images are. The rows' order is kept.
//!
//! JSON travels as text, as in [`insertion`](super::insertion).

use sea_orm::sea_query::ArrayType;
use sea_orm::{DbBackend, Statement, Value};

/// What rows have in common.
pub(crate) struct Shared {
    pub(crate) entity: String,
    pub(crate) operation: &'static str,
    pub(crate) actor: Option<String>,
    pub(crate) mutation_id: Option<String>,
    /// JSON text.
    pub(crate) metadata: Option<String>,
    pub(crate) transaction_id: String,
    pub(crate) source: &'static str,
    pub(crate) schema_version: i32,
    pub(crate) recorded_at: chrono::DateTime<chrono::Utc>,
}

/// What each has of its own: JSON texts.
pub(crate) struct Row {
    pub(crate) row_key: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

impl Row {
    /// Length of the texts.
    pub(crate) fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.row_key.len() + length(&self.before) + length(&self.after)
    }
}

/// Columns in the order of the values below; MariaDB's names are quoted so that `before` is one.
const COLUMNS: &str = "(entity, operation, actor, mutation_id, metadata, transaction_id, source, \
    schema_version, recorded_at, row_key, ";
const SHARED: usize = 9;

impl Shared {
    fn values(self) -> [Value; SHARED] {
        [
            self.entity.into(),
            self.operation.into(),
            self.actor.into(),
            self.mutation_id.into(),
            self.metadata.into(),
            self.transaction_id.into(),
            self.source.into(),
            self.schema_version.into(),
            self.recorded_at.into(),
        ]
    }

    /// The statement that adds the rows to a table of the log's shape. Its text depends on the number of
    /// rows alone, on PostgreSQL on nothing, so that drivers keep it prepared.
    pub(crate) fn insert(self, table: &str, rows: Vec<Row>, backend: DbBackend) -> Statement {
        let shared = self.values();
        match backend {
            DbBackend::Postgres => by_arrays(table, shared, rows),
            DbBackend::MySql => by_values(table, shared, rows),
            _ => by_product(table, shared, rows),
        }
    }
}

fn by_arrays(table: &str, shared: [Value; SHARED], rows: Vec<Row>) -> Statement {
    let sql = format!(
        "INSERT INTO {table} {COLUMNS}before, after)
         SELECT $1, $2, $3, $4, $5::json, $6, $7, $8, $9, v.row_key::json,
           nullif(v.before, '')::json, nullif(v.after, '')::json
         FROM unnest($10::text[], $11::text[], $12::text[])
           WITH ORDINALITY AS v (row_key, before, after, n) ORDER BY v.n"
    );
    let (mut keys, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        keys.push(Value::from(row.row_key));
        // An array of SeaORM's has no nulls; JSON is never empty.
        before.push(Value::from(row.before.unwrap_or_default()));
        after.push(Value::from(row.after.unwrap_or_default()));
    }
    let array = |texts| Value::Array(ArrayType::String, Some(Box::new(texts)));
    let values = shared.into_iter().chain([keys, before, after].map(array));
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// What the rows have in common is a row of its own. Parameters have no numbers: SQLite finds the name of
/// each in a list of all names.
fn by_product(table: &str, shared: [Value; SHARED], rows: Vec<Row>) -> Statement {
    let common = ["?"; SHARED].join(", ");
    let own = vec!["(?, ?, ?)"; rows.len()].join(", ");
    // The order of a cross join is that of its tables.
    let sql = format!(
        "INSERT INTO {table} {COLUMNS}\"before\", \"after\")
         SELECT shared.*, own.* FROM (VALUES ({common})) AS shared CROSS JOIN (VALUES {own}) AS own"
    );
    let rows = rows.into_iter().flat_map(values_of);
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, shared.into_iter().chain(rows))
}

/// What the rows have in common is sent with each.
fn by_values(table: &str, shared: [Value; SHARED], rows: Vec<Row>) -> Statement {
    let mut sql = format!("INSERT INTO {table} {COLUMNS}`before`, `after`) VALUES ");
    let marks = ["?"; SHARED + 3].join(", ");
    sql.push_str(&vec![format!("({marks})"); rows.len()].join(", "));
    let rows = rows.into_iter();
    let values = rows.flat_map(|row| {
        shared
            .iter()
            .cloned()
            .chain(values_of(row))
            .collect::<Vec<_>>()
    });
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

fn values_of(row: Row) -> [Value; 3] {
    [row.row_key.into(), row.before.into(), row.after.into()]
}
