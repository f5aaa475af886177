//! Inserting rows. Rows that set the same columns share a statement.

use sea_orm::sea_query::{Expr, InsertStatement, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr, IdenStatic, Iterable,
    QueryResult, Statement, StatementBuilder, TryGetable, Value,
};

use super::custom_hooks::after_save;
use super::locked_rows::{
    CHUNK, PARAMETERS, among, answered, as_stored, has_returning, keys, lock, returning_all,
    values_in,
};
use super::row_order::in_order;
use super::{BulkEntity, table};
use crate::capture::hooks::now;
use crate::capture::{Hooks, row};
use crate::database;
use crate::error::{CaptureError, Retry};
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Row, Stored};
use crate::tracked::TrackedTransaction;
use crate::tracked::log_insert::RowChange;
use crate::tracked::rows_statement::{Answer, RowsStatement};

/// Bytes of text, JSON and binaries after which a statement is sent. The statement then stays below MariaDB's
/// `max_allowed_packet` whenever its largest row does.
const MOST_BYTES: usize = 2 << 20;

/// Inserts the models' rows and returns them as stored, in the same order.
pub(super) async fn rows<E: BulkEntity>(
    tx: &TrackedTransaction,
    given: Vec<E::ActiveModel>,
) -> Result<Vec<Stored<E::Model>>, DbErr> {
    let mut stored = Vec::with_capacity(given.len());
    let mut given = given.into_iter();
    loop {
        let chunk: Vec<E::ActiveModel> = given.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(stored);
        }
        let chunk = prepare_inserts::<E>(tx, chunk).await?;
        let mut inserted = Vec::with_capacity(chunk.len());
        for run in runs_of_same_columns::<E>(&chunk) {
            let rows = insert::<E>(tx, run).await?;
            inserted.extend(record_inserted::<E>(tx, rows).await?);
        }
        for row in inserted {
            stored.push(after_save::<E>(tx, row, true).await?);
        }
    }
}

/// The models after their custom hooks, as the database will store them, with time stamps set.
pub(super) async fn prepare_inserts<E: BulkEntity>(
    tx: &TrackedTransaction,
    given: Vec<E::ActiveModel>,
) -> Result<Vec<E::ActiveModel>, DbErr> {
    let now = now();
    let mut prepared = Vec::with_capacity(given.len());
    for model in given {
        let mut model = <E::ActiveModel as Hooks>::before_save(model, tx, true).await?;
        row::canonicalise(&mut model, tx.get_database_backend())?;
        row::stamp_new(&mut model, &now)?;
        prepared.push(model);
    }
    Ok(prepared)
}

/// Puts inserted rows into the log.
pub(super) async fn record_inserted<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: Vec<Row<E>>,
) -> Result<Vec<Stored<E::Model>>, CaptureError> {
    let rows = rows.into_iter().map(|row| {
        let key = row.key();
        let (image, stored) = row.split();
        let change = RowChange {
            key,
            before: None,
            after: Some(image),
        };
        (change, stored)
    });
    let (changes, stored) = rows.unzip();
    tx.record_rows(table::<E>(), Operation::Insert, changes)
        .await?;
    Ok(stored)
}

/// The columns that a model sets.
fn set_columns<E: BulkEntity>(model: &E::ActiveModel) -> Vec<E::Column> {
    E::Column::iter()
        .filter(|column| !model.is_not_set(*column))
        .collect()
}

/// Splits models into runs that one statement can insert. The order of the models is kept, because a row may
/// refer to one before it.
pub(super) fn runs_of_same_columns<E: BulkEntity>(
    models: &[E::ActiveModel],
) -> Vec<&[E::ActiveModel]> {
    let mut runs = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    let mut last: Vec<&str> = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let columns = set_columns::<E>(model);
        let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
        let weight: usize = columns
            .iter()
            .map(|column| model.get(*column).into_value().map_or(0, weight))
            .sum();
        let count = place - begin;
        // A row without values is inserted by `DEFAULT VALUES`, which makes only one row.
        let fits = names == last
            && !names.is_empty()
            && (count + 1) * names.len() <= PARAMETERS
            && bytes + weight <= MOST_BYTES;
        if count > 0 && !fits {
            runs.push(&models[begin..place]);
            (begin, bytes) = (place, 0);
        }
        bytes += weight;
        last = names;
    }
    runs.push(&models[begin..]);
    runs.retain(|run| !run.is_empty());
    runs
}

/// The approximate number of bytes that a value takes in a statement.
fn weight(value: Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        Value::Json(Some(json)) => json_weight(&json),
        Value::Array(_, Some(items)) => items.into_iter().map(weight).sum(),
        _ => size_of::<u64>(),
    }
}

fn json_weight(json: &serde_json::Value) -> usize {
    use serde_json::Value as Json;
    match json {
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(|item| json_weight(item) + 1).sum(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, field)| name.len() + json_weight(field) + 4)
            .sum(),
        _ => size_of::<u64>(),
    }
}

/// The statement for a run of models.
pub(super) fn insert_statement<E: BulkEntity>(run: &[E::ActiveModel]) -> InsertStatement {
    let columns = run.first().map(set_columns::<E>).unwrap_or_default();
    let mut statement = Query::insert();
    statement.into_table(E::default().table_ref());
    if columns.is_empty() {
        return statement.or_default_values().take();
    }
    statement.columns(columns.iter().copied());
    for model in run {
        let values = columns
            .iter()
            .filter_map(|column| match model.get(*column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => {
                    Some(column.save_as(Expr::val(value)))
                }
                ActiveValue::NotSet => None,
            });
        statement.values_panic(values);
    }
    statement
}

/// Inserts a run and returns the rows as stored, in its order.
async fn insert<E: BulkEntity>(
    tx: &TrackedTransaction,
    run: &[E::ActiveModel],
) -> Result<Vec<Row<E>>, DbErr> {
    let backend = tx.get_database_backend();
    let mut statement = insert_statement::<E>(run);
    let write = |statement: Statement, answer: Answer| RowsStatement {
        table: table::<E>(),
        operation: Operation::Insert,
        statement,
        rows: run.len(),
        answer,
    };
    if has_returning(backend) {
        statement.returning(returning_all::<E>(backend));
        let statement = with_given_keys::<E>(run, StatementBuilder::build(&statement, &backend));
        let rows = tx.write_rows(write(statement, Answer::Rows)).await?;
        let rows = in_order::<E>(run, answered::<E>(tx, rows).await?)?;
        return as_stored::<E>(tx, rows).await;
    }
    let columns = keys::<E>();
    let mut statement = StatementBuilder::build(&statement, &backend);
    let known: Option<Vec<Vec<Value>>> =
        run.iter().map(|model| values_in(model, &columns)).collect();
    let found = match known {
        Some(known) => {
            tx.write_rows(write(statement, Answer::Count)).await?;
            known
        }
        None => {
            // MariaDB returns the keys that it assigns; SeaORM's builder cannot ask for them.
            let names: Vec<String> = columns.iter().map(|key| quoted(key.as_str())).collect();
            statement.sql += &format!(" RETURNING {}", names.join(", "));
            let answer = tx.write_rows(write(statement, Answer::Rows)).await?;
            let keys = answer.iter().map(|row| key_in::<E>(row, &columns));
            keys.collect::<Result<_, _>>()?
        }
    };
    let rows = lock::<E>(tx, among(&columns, found), RowLock::Update, None).await?;
    if rows.len() < run.len() {
        let table = table::<E>().to_owned();
        return Err(Retry::Raced { table }.into());
    }
    Ok(in_order::<E>(run, rows)?)
}

/// The statement, extended so that models keep the keys they set even if the key is an identity that only the
/// database assigns.
pub(super) fn with_given_keys<E: BulkEntity>(
    run: &[E::ActiveModel],
    mut statement: Statement,
) -> Statement {
    let is_given = |column: &E::Column| {
        let mut models = run.iter();
        E::is_computed(column) && models.any(|model| !model.is_not_set(*column))
    };
    let words = database::on(statement.db_backend).facts().given_keys;
    if let Some(words) = words.filter(|_| keys::<E>().iter().any(is_given)) {
        // SeaORM's builder cannot express this. Only names come before this place.
        let values = format!(") {words} VALUES (");
        statement.sql = statement.sql.replacen(") VALUES (", &values, 1);
    }
    statement
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The key in a result row of MariaDB.
fn key_in<E: BulkEntity>(row: &QueryResult, columns: &[E::Column]) -> Result<Vec<Value>, DbErr> {
    let parts = columns.iter().map(|column| {
        let name = column.as_str();
        use sea_orm::ColumnType as T;
        Ok(match column.def().get_column_type() {
            T::TinyInteger => i8::try_get(row, "", name).map(Value::from)?,
            T::SmallInteger => i16::try_get(row, "", name).map(Value::from)?,
            T::Integer => i32::try_get(row, "", name).map(Value::from)?,
            T::BigInteger => i64::try_get(row, "", name).map(Value::from)?,
            T::TinyUnsigned => u8::try_get(row, "", name).map(Value::from)?,
            T::SmallUnsigned => u16::try_get(row, "", name).map(Value::from)?,
            T::Unsigned => u32::try_get(row, "", name).map(Value::from)?,
            T::BigUnsigned => u64::try_get(row, "", name).map(Value::from)?,
            T::Uuid => uuid::Uuid::try_get(row, "", name).map(Value::from)?,
            _ => String::try_get(row, "", name).map(Value::from)?,
        })
    });
    parts
        .collect::<Result<_, sea_orm::TryGetError>>()
        .map_err(DbErr::from)
}
