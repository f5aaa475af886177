//! PostgreSQL.

mod capture;
mod catalogue;
mod facts;
mod rights;
mod triggers;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use bigdecimal::BigDecimal;
use chrono::Timelike;
use sea_orm::sea_query::{ArrayType, Expr, ExprTrait, LockType};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{Condition, DbBackend, DbErr, QueryResult, Statement, TransactionOptions, Value};

use super::facts::{Catalogue, Facts};
use super::log_rows::{COLUMNS, Row, Shared};
use super::plan::{Made, Piece, Plan};
use super::syntax::Syntax;
use super::{
    After, Begin, Cause, ContextTexts, Dialect, PagesBy, ParentIndex, ReadAs, Refused, RowLock,
    Session, Writer, Written,
};
use crate::collation::Equality;
use crate::shape::{Column, Reading, Table, Version};

/// PostgreSQL.
#[derive(Debug)]
pub struct Postgres;

/// The most digits that `numeric` has before and after the point.
const NUMERIC_DIGITS: (i64, i64) = (131_072, 16_383);

/// The number of characters of a key that the index on keys covers. An index entry holds no more than 2,704
/// bytes, and a longer one would make the user's write fail.
const KEY_START: usize = 200;
/// The indexed expression.
const KEY_INDEXED: &str = "left(row_key::text, 200)";

#[async_trait::async_trait]
impl Dialect for Postgres {
    fn backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn catalogue(&self) -> &'static Catalogue {
        &catalogue::CATALOGUE
    }

    fn syntax(&self) -> &'static Syntax {
        &facts::SYNTAX
    }

    fn literal(&self, text: &str) -> String {
        if text.contains('\\') {
            return format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        let mut numbered = String::with_capacity(sql.len() + values.len());
        for (n, part) in sql.split('?').enumerate() {
            if n > 0 {
                numbered.push_str(&format!("${n}"));
            }
            numbered.push_str(part);
        }
        Statement::from_sql_and_values(DbBackend::Postgres, numbered, values)
    }

    fn fold(&self, name: &str) -> String {
        name.to_owned()
    }

    /// A leap second at the end of a day becomes 24:00:00, which is read back as 00:00:00.
    fn holds(&self, value: &Value) -> bool {
        match value {
            Value::ChronoTime(Some(time)) => {
                time.nanosecond() < 1_000_000_000 || (time.hour(), time.minute()) != (23, 59)
            }
            Value::BigDecimal(Some(number)) => numeric_holds(number),
            _ => true,
        }
    }

    /// A literal takes on the type of what it is compared with; a bound text has a type of its own.
    fn untyped(&self, text: &str) -> Expr {
        Expr::cust(self.literal(text))
    }

    fn json(&self, text: Expr) -> Expr {
        text.cast_as("json")
    }

    fn json_text(&self, column: Expr) -> Expr {
        column.cast_as("text")
    }

    fn readable_column(&self, column: Expr, stored: ReadAs) -> Expr {
        match stored {
            ReadAs::Json => self.json_text(column),
            ReadAs::Free | ReadAs::Plain => column,
        }
    }

    fn readable(&self, text: &str) -> String {
        format!("({text})::text")
    }

    /// The server sends UTF-8 and nothing else, and the driver reads a text only as one.
    fn read_text(&self, row: &QueryResult, column: &str) -> Result<Option<Vec<u8>>, DbErr> {
        let text = row.try_get::<Option<String>>("", column)?;
        Ok(text.map(String::into_bytes))
    }

    fn read_flag(&self, row: &QueryResult, column: &str) -> Result<bool, DbErr> {
        Ok(row.try_get::<i32>("", column)? != 0)
    }

    /// Without the order of an index, the planner may read the whole table in the order of its key, once for
    /// each parent.
    fn pages(&self, index: ParentIndex, in_key_order: bool) -> PagesBy {
        match index {
            ParentIndex::ByParentAndKey if in_key_order => PagesBy::Laterals,
            _ => PagesBy::Rows,
        }
    }

    /// Sets no isolation level, because one cannot be requested inside a migration's transaction. Under a
    /// stricter level than the default a row that was changed meanwhile is an error, which is harmless.
    fn begin(&self, _purpose: Begin) -> TransactionOptions {
        TransactionOptions::default()
    }

    fn row_lock(&self, lock: RowLock) -> Option<LockType> {
        Some(match lock {
            RowLock::Update => LockType::NoKeyUpdate,
            RowLock::Delete => LockType::Update,
        })
    }

    /// It makes only those wait who change the table's shape.
    fn write_lock(&self, table: &str) -> Option<String> {
        let table = self.quote(table);
        Some(format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
    }

    fn switch_lock(&self, table: &str) -> Option<String> {
        let table = self.quote(table);
        Some(format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
    }

    fn limit_statements(&self, most: Duration) -> Option<String> {
        Some(format!("SET statement_timeout = {}", most.as_millis()))
    }

    fn limit_lock_waits(&self, most: Duration) -> Option<String> {
        Some(format!("SET LOCAL {}", lock_timeout(most)))
    }

    /// SeaORM sets the search path of `ConnectOptions` when it has connected.
    fn session_query(&self) -> Option<&'static str> {
        Some(
            "SELECT format('SELECT set_config(''search_path'', %L, false)', current_setting('search_path')) \
             AS statement",
        )
    }

    async fn after_error(&self, _tx: &dyn Session, _error: &DbErr) -> After {
        After::Failed
    }

    /// A serialisation failure, a deadlock, or a lock that was not granted in time.
    fn is_transient(&self, error: &dyn DatabaseError) -> bool {
        matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03"))
    }

    /// An idle transaction was ended; a replica or read-only server; connections, resources, operator
    /// intervention.
    fn is_unavailable(&self, error: &dyn DatabaseError) -> bool {
        let code = error.code().unwrap_or_default();
        let classes = ["08", "53", "57P"];
        matches!(&*code, "25P03" | "25006") || classes.iter().any(|class| code.starts_with(class))
    }

    /// 23502 not null, 23514 a check, 54000 too long for an index, class 22 the data exceptions; of these,
    /// 22023 is that of a shared snapshot whose transaction was ended. 42883: no such operator, as where a
    /// `json` column is to be ordered by. 57014: cancelled. 42P01: no such table.
    fn cause(&self, error: &dyn DatabaseError) -> Option<Cause> {
        match error.code().as_deref()? {
            "23502" | "23514" | "54000" => Some(Cause::Value),
            "22023" => Some(Cause::SnapshotGone),
            code if code.starts_with("22") => Some(Cause::Value),
            "42883" => Some(Cause::Type),
            "57014" => Some(Cause::Overtime),
            "42P01" => Some(Cause::NoTable),
            _ => None,
        }
    }

    /// The text is always the same for a table, so drivers keep it prepared.
    fn insert_rows(&self, table: &str, shared: Shared, rows: Vec<Row>) -> Statement {
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
            // SeaORM's arrays cannot hold nulls, but JSON is never an empty text.
            before.push(Value::from(row.before.unwrap_or_default()));
            after.push(Value::from(row.after.unwrap_or_default()));
        }
        let array = |texts| Value::Array(ArrayType::String, Some(Box::new(texts)));
        let values = shared.values().into_iter();
        let values = values.chain([keys, before, after].map(array));
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    fn has_key(&self, texts: Vec<String>) -> Condition {
        let start = |text: &String| text.chars().take(KEY_START).collect::<String>();
        let starts: Vec<String> = texts.iter().map(start).collect();
        Condition::all()
            .add(Expr::cust(KEY_INDEXED).is_in(starts))
            .add(Expr::col("row_key").cast_as("text").is_in(texts))
    }

    async fn check_rights(&self, db: &dyn Session) -> Result<(), Refused> {
        rights::check(db).await
    }

    async fn complete(&self, db: &dyn Session, name: &str, table: &mut Table) -> Result<(), DbErr> {
        table.is_entangled = catalogue::is_entangled(db, name).await?;
        Ok(())
    }

    async fn equalities(
        &self,
        db: &dyn Session,
        table: &str,
    ) -> Result<BTreeMap<String, Equality>, DbErr> {
        catalogue::equalities(db, table).await
    }

    async fn schema_name(&self, db: &dyn Session) -> Result<String, DbErr> {
        catalogue::schema_name(db).await
    }

    fn pieces(&self, plan: &Plan<'_>) -> Vec<Piece> {
        triggers::pieces(plan)
    }

    /// The catalogue has the text of the function only, so only that is compared.
    fn is_as_made(&self, plan: &Plan<'_>, piece: &Piece, made: &Made) -> bool {
        !piece.is_function() || made.is_enabled && made.text == triggers::body(plan)
    }

    fn image_of(&self, version: &Version, row: &str) -> String {
        triggers::image_of(version, row)
    }

    fn whole_image(&self, version: &Version, row: &str) -> String {
        triggers::image(version, row)
    }

    fn reading(&self, ty: &str) -> Reading {
        types::reading(ty)
    }

    fn drop_trigger(&self, trigger: &str, table: &str) -> String {
        let (trigger, table) = (self.quote(trigger), self.quote(table));
        format!("DROP TRIGGER IF EXISTS {trigger} ON {table}")
    }

    async fn tidy(
        &self,
        db: &dyn Session,
        entity: &str,
        plan: Option<&Plan<'_>>,
    ) -> Result<(), DbErr> {
        match plan {
            Some(plan) => triggers::drop_others(db, plan).await,
            None => triggers::drop_function(db, entity).await,
        }
    }

    async fn writer(&self, db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
        capture::writer(db, written).await
    }

    async fn are_triggers_in_force(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
        capture::are_in_force(db, entity).await
    }

    async fn have_triggers_recorded(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
        capture::have_recorded(db, entity).await
    }

    async fn keep_writer(&self, db: &dyn Session, entity: &str) -> Result<(), DbErr> {
        capture::keep_writer(db, entity).await
    }

    async fn send_context(&self, db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr> {
        capture::send_context(db, context).await
    }

    fn key_text(&self, key: &Column, row: &str) -> String {
        format!("{}::text", self.compared(key, row))
    }

    fn key_literal(&self, text: &str, _key: &Column) -> String {
        self.literal(text)
    }
}

/// PostgreSQL's bound on each single wait, set so that a statement waits for a row no longer than `most`.
/// Where others already wait for the row, the statement waits twice: for its turn and then for the row.
pub fn lock_timeout(most: Duration) -> String {
    format!("lock_timeout = {}", (most / 2).as_millis().max(1))
}

fn numeric_holds(number: &BigDecimal) -> bool {
    let (most_whole, most_fraction) = NUMERIC_DIGITS;
    let fraction = number.fractional_digit_count();
    let digits = i64::try_from(number.digits()).unwrap_or(i64::MAX);
    fraction <= most_fraction && digits.saturating_sub(fraction) <= most_whole
}
