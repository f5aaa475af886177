//! SQLite.

mod capture;
mod catalogue;
mod facts;
mod rights;
mod triggers;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use bigdecimal::ToPrimitive;
use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbBackend, DbErr, SqliteTransactionMode, Statement, TransactionOptions, Value};

use super::errors::{database_error, sqlite_code};
use super::facts::{Catalogue, Facts};
use super::log_rows::{COLUMNS, Row, SHARED, Shared};
use super::plan::{Made, Piece, Plan};
use super::syntax::Syntax;
use super::{
    After, Begin, Cause, ContextTexts, Dialect, PagesBy, ParentIndex, ReadAs, Refused, RowLock,
    Session, Writer, Written,
};
use crate::collation::Equality;
use crate::shape::{Column, Reading, Table, Version};

/// SQLite.
#[derive(Debug)]
pub struct Sqlite;

#[async_trait::async_trait]
impl Dialect for Sqlite {
    fn backend(&self) -> DbBackend {
        DbBackend::Sqlite
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

    /// Times are texts, which compare correctly only if all have one offset, so local ones are bound in UTC.
    fn bindable(&self, value: Value) -> Value {
        match value {
            Value::ChronoDateTimeLocal(Some(moment)) => moment.to_utc().into(),
            value => value,
        }
    }

    /// NaN becomes NULL, decimals become REAL, and the `time` crate writes an offset only for years 0 to
    /// 9999.
    fn holds(&self, value: &Value) -> bool {
        match value {
            Value::Float(Some(number)) => !number.is_nan(),
            Value::Double(Some(number)) => !number.is_nan(),
            Value::Decimal(Some(number)) => number
                .to_f64()
                .is_some_and(|real| Decimal::try_from(real).is_ok()),
            Value::BigDecimal(Some(number)) => number.to_f64().is_some_and(f64::is_finite),
            Value::TimeDateTimeWithTimeZone(Some(moment)) => (0..=9999).contains(&moment.year()),
            _ => true,
        }
    }

    /// Text may hold bytes that are not UTF-8, because other programs choose the texts of the context.
    fn readable_column(&self, column: Expr, stored: ReadAs) -> Expr {
        match stored {
            ReadAs::Json | ReadAs::Free => column.cast_as("blob"),
            ReadAs::Plain => column,
        }
    }

    fn readable(&self, text: &str) -> String {
        format!("CAST(({text}) AS BLOB)")
    }

    /// Whatever the order, few rows are sorted for each parent, and no row is copied before it is on a page.
    fn pages(&self, index: ParentIndex, _in_key_order: bool) -> PagesBy {
        match index {
            ParentIndex::Missing => PagesBy::Rows,
            ParentIndex::ByParent | ParentIndex::ByParentAndKey => PagesBy::Lookups,
        }
    }

    /// A deferred transaction that reads before it writes fails with SQLITE_BUSY_SNAPSHOT, whatever the busy
    /// timeout.
    fn begin(&self, _purpose: Begin) -> TransactionOptions {
        TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        }
    }

    /// SQLite has neither isolation levels nor access modes; SeaORM only warns about them.
    fn options(&self, mut options: TransactionOptions) -> TransactionOptions {
        options.isolation_level = None;
        options.access_mode = None;
        options
    }

    fn row_lock(&self, _lock: RowLock) -> Option<LockType> {
        None
    }

    /// A running statement can only be interrupted from outside, by the caller that measures the time.
    fn limit_statements(&self, _most: Duration) -> Option<String> {
        None
    }

    fn limit_lock_waits(&self, _most: Duration) -> Option<String> {
        None
    }

    /// In other modes a write waits for every reader, and readers for it.
    async fn pool_finding(&self, db: &dyn Session) -> Result<Option<String>, DbErr> {
        let ask = self.statement(
            "SELECT journal_mode AS mode FROM pragma_journal_mode",
            Vec::new(),
        );
        let Some(row) = db.row(ask).await? else {
            return Ok(None);
        };
        let mode: String = row.try_get("", "mode")?;
        Ok((!["wal", "memory"].contains(&mode.as_str())).then(|| {
            format!(
                "the database's journal mode is `{mode}`, in which readers and writers wait for each other; \
                 cure: open it with seachange's `Connections::open`, or run PRAGMA journal_mode = WAL"
            )
        }))
    }

    async fn after_error(&self, tx: &dyn Session, error: &DbErr) -> After {
        // A `BEGIN` succeeds only if no transaction is open.
        if tx.run_text("BEGIN").await.is_ok() {
            return After::Ended;
        }
        if left_rows(tx, error).await {
            After::Failed
        } else {
            After::Alive
        }
    }

    /// BUSY and LOCKED.
    fn is_transient(&self, error: &dyn DatabaseError) -> bool {
        matches!(sqlite_code(error), Some(5 | 6))
    }

    /// Read-only, an I/O error, no space, a missing file.
    fn is_unavailable(&self, error: &dyn DatabaseError) -> bool {
        matches!(sqlite_code(error), Some(8 | 10 | 13 | 14))
    }

    /// 18 a string or blob too big; 1299 not null, 275 a check, 3091 a type. A restricting foreign key is
    /// reported as a trigger's error (1811), as that of a user's trigger is. A missing table has no code.
    fn cause(&self, error: &dyn DatabaseError) -> Option<Cause> {
        match error.code().as_deref() {
            Some("18") => Some(Cause::TooLarge),
            Some("1299" | "275" | "3091") => Some(Cause::Value),
            Some("1811") if error.message() == "FOREIGN KEY constraint failed" => {
                Some(Cause::ForeignKey)
            }
            _ if error.message().starts_with("no such table") => Some(Cause::NoTable),
            _ => None,
        }
    }

    /// The shared values are one row of their own. Parameters have no numbers, because SQLite would look up
    /// each number's name in a list of all names.
    fn insert_rows(&self, table: &str, shared: Shared, rows: Vec<Row>) -> Statement {
        let common = ["?"; SHARED].join(", ");
        let own = vec!["(?, ?, ?)"; rows.len()].join(", ");
        // A cross join keeps the order of its tables.
        let sql = format!(
            "INSERT INTO {table} {COLUMNS}\"before\", \"after\")
         SELECT shared.*, own.* FROM (VALUES ({common})) AS shared CROSS JOIN (VALUES {own}) AS own"
        );
        let rows = rows.into_iter().flat_map(Row::values);
        let values = shared.values().into_iter().chain(rows);
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    }

    async fn check_rights(&self, db: &dyn Session) -> Result<(), Refused> {
        rights::check(db).await
    }

    async fn complete(&self, db: &dyn Session, name: &str, table: &mut Table) -> Result<(), DbErr> {
        table.uniques = catalogue::uniques(db, name).await?;
        table.without_rowid = catalogue::is_without_rowid(db, name).await?;
        Ok(())
    }

    async fn equalities(
        &self,
        db: &dyn Session,
        table: &str,
    ) -> Result<BTreeMap<String, Equality>, DbErr> {
        catalogue::equalities(db, table).await
    }

    fn pieces(&self, plan: &Plan<'_>) -> Vec<Piece> {
        triggers::pieces(plan)
    }

    fn is_as_made(&self, _plan: &Plan<'_>, piece: &Piece, made: &Made) -> bool {
        made.text == piece.sql
    }

    fn image_of(&self, version: &Version, row: &str) -> String {
        triggers::image_of(version, row)
    }

    fn reading(&self, ty: &str) -> Reading {
        types::reading(ty)
    }

    fn capture_tables(&self) -> Vec<String> {
        vec![
            "change_context (id integer NOT NULL PRIMARY KEY CHECK (id = 1), actor text, \
             mutation_id text, metadata text, transaction_id text)"
                .to_owned(),
            // Rows that an INSERT or UPDATE would replace; they are kept from before it to after it.
            "change_replaced (entity text NOT NULL, written text NOT NULL,
                 row_key text NOT NULL, place integer, image text NOT NULL, log_id integer,
                 PRIMARY KEY (entity, written, row_key)) WITHOUT ROWID"
                .to_owned(),
        ]
    }

    async fn writer(&self, db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr> {
        capture::writer(db, written).await
    }

    async fn are_triggers_in_force(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr> {
        capture::are_in_force(db, entity).await
    }

    async fn send_context(&self, db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr> {
        capture::send_context(db, context).await.map(|()| false)
    }

    /// `quote` is not used for texts, because it ends a text at its first NUL.
    fn key_text(&self, key: &Column, row: &str) -> String {
        let value = self.compared(key, row);
        format!(
            "CASE typeof({value}) WHEN 'text' THEN 'CAST(x''' || hex({value}) || ''' AS TEXT)'
             ELSE quote({value}) END"
        )
    }

    fn key_literal(&self, text: &str, _key: &Column) -> String {
        text.to_owned()
    }
}

/// Whether the failed statement has left rows behind, which no hook will record. Only `FAIL` ends a statement
/// without undoing any of it.
async fn left_rows(tx: &dyn Session, error: &DbErr) -> bool {
    /// `SQLITE_CONSTRAINT`, the code of errors from conflict clauses and `RAISE`.
    const CONSTRAINT: u32 = 19;
    if database_error(error).and_then(sqlite_code) != Some(CONSTRAINT) {
        return false;
    }
    let ask = Sqlite.statement("SELECT changes() AS rows", Vec::new());
    let answer = tx.row(ask).await.ok().flatten();
    // Without an answer this is unknown, and rolling back is better than leaving rows unrecorded.
    answer.is_none_or(|row| row.try_get::<i64>("", "rows") != Ok(0))
}
