//! The trait that every database implements.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, TableCreateStatement};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{
    ColumnType, Condition, DbBackend, DbErr, QueryResult, Statement, TransactionOptions, Value,
};

use super::{
    After, Begin, Catalogue, Cause, ContextTexts, Facts, Made, PagesBy, ParentIndex, Piece, Plan,
    ReadAs, Refused, Row, RowLock, Session, Shared, Syntax, Unseen, Writer, Written,
};
use crate::collation::Equality;
use crate::shape::{Column, Reading, Table, Version};

/// One database: what it can do, and how to speak to it.
#[async_trait::async_trait]
pub trait Dialect: std::fmt::Debug + Send + Sync + 'static {
    /// SeaORM's name for the database.
    fn backend(&self) -> DbBackend;

    /// What is known about the database without asking it.
    fn facts(&self) -> &'static Facts;

    /// The queries on the database's catalogue.
    fn catalogue(&self) -> &'static Catalogue;

    /// How the database splits a text into words, names and strings.
    fn syntax(&self) -> &'static Syntax;

    // Texts.

    /// Quotes a name so that it is taken literally, whatever characters it has.
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A string literal that means this text whatever the server's settings are.
    fn literal(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A statement with `?` as placeholders, whatever the database's own placeholders are. The text must have
    /// no other `?`.
    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        self.own_statement(sql, values)
    }

    /// A catalogue query in which the name of this table is bound to each `?`.
    fn ask_of(&self, sql: &str, table: &str) -> Statement {
        self.statement(sql, vec![table.into(); sql.matches('?').count()])
    }

    /// A statement with the database's own placeholders.
    fn own_statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// A name in the form in which the catalogue compares it.
    fn fold(&self, name: &str) -> String {
        name.to_lowercase()
    }

    // Values.

    /// The same value in a type that the driver binds without loss.
    fn bindable(&self, value: Value) -> Value {
        value
    }

    /// Whether the database can store the value in full. The value is of a type that the database accepts.
    fn holds(&self, value: &Value) -> bool;

    /// A text that takes on the type of whatever value it is compared with.
    fn untyped(&self, text: &str) -> Expr {
        Expr::val(text)
    }

    /// A bound JSON text as a value of a JSON column.
    fn json(&self, text: Expr) -> Expr {
        text
    }

    /// A JSON column as a text.
    fn json_text(&self, column: Expr) -> Expr {
        column
    }

    /// A column of the log in a form that [`read_text`](Self::read_text) reads.
    fn readable_column(&self, column: Expr, stored: ReadAs) -> Expr;

    /// The SQL of a text in a form that [`read_text`](Self::read_text) reads.
    fn readable(&self, text: &str) -> String;

    /// The bytes of a readable text in a result row, which need not be UTF-8.
    ///
    /// # Errors
    /// If the row has no such column.
    fn read_text(&self, row: &QueryResult, column: &str) -> Result<Option<Vec<u8>>, DbErr> {
        row.try_get("", column)
    }

    /// A number in the catalogue that means yes or no.
    ///
    /// # Errors
    /// If the row has no such column.
    fn read_flag(&self, row: &QueryResult, column: &str) -> Result<bool, DbErr> {
        Ok(row.try_get::<i64>("", column)? != 0)
    }

    // Relations.

    /// The fastest form of a statement that reads a page of the children of each of many parents.
    fn pages(&self, index: ParentIndex, in_key_order: bool) -> PagesBy;

    // Transactions and locks.

    /// The options of a transaction that is begun for this purpose.
    fn begin(&self, purpose: Begin) -> TransactionOptions;

    /// The caller's options, without those that the database does not support.
    fn options(&self, options: TransactionOptions) -> TransactionOptions {
        options
    }

    /// The lock that is taken on rows for this purpose; `None` where a transaction that writes has the
    /// database to itself.
    fn row_lock(&self, lock: RowLock) -> Option<LockType>;

    /// A statement that makes a switch of the table's writer (hooks or triggers) wait, as each write of the
    /// table does.
    fn write_lock(&self, _table: &str) -> Option<String> {
        None
    }

    /// A statement that waits for every transaction that has written the table, and makes later ones wait.
    fn switch_lock(&self, _table: &str) -> Option<String> {
        None
    }

    /// The statement that bounds how long each later statement of the session may run; `None` where the
    /// database has no such bound.
    fn limit_statements(&self, most: Duration) -> Option<String>;

    /// The statement that bounds how long each later statement of the transaction waits for a row; `None`
    /// where a transaction that writes has already waited for all others when it began.
    fn limit_lock_waits(&self, most: Duration) -> Option<String>;

    /// A query whose column `statement` gives other connections what SeaORM has set up on this one, and what
    /// setting up their pools replaces; `None` where it replaces nothing.
    fn session_query(&self) -> Option<&'static str> {
        None
    }

    /// What is wrong with a pool that this library did not open, with the cure.
    ///
    /// # Errors
    /// The database's error.
    async fn pool_finding(&self, _db: &dyn Session) -> Result<Option<String>, DbErr> {
        Ok(None)
    }

    /// The state in which an error left a transaction.
    async fn after_error(&self, tx: &dyn Session, error: &DbErr) -> After;

    /// Whether the same transaction may succeed if it is retried unchanged.
    fn is_transient(&self, error: &dyn DatabaseError) -> bool;

    /// Whether the error says that the database is unavailable for now, so that a later retry may succeed.
    fn is_unavailable(&self, error: &dyn DatabaseError) -> bool;

    /// Why the database did not do what a statement asked, beyond the violations that SeaORM recognises.
    fn cause(&self, error: &dyn DatabaseError) -> Option<Cause>;

    // The log.

    /// The statement that adds rows to a table of the log's shape, in their order.
    fn insert_rows(&self, table: &str, shared: Shared, rows: Vec<Row>) -> Statement;

    /// Selects changes whose stored key is one of these texts, by the index on keys.
    fn has_key(&self, texts: Vec<String>) -> Condition {
        Condition::all().add(Expr::col("row_key").is_in(texts))
    }

    /// The type of a column that keeps JSON texts exactly as they were written. On PostgreSQL this is never
    /// `jsonb`, which refuses \u0000 and drops the sign of -0.0.
    fn json_type(&self) -> ColumnType {
        ColumnType::Json
    }

    /// The type of a column that holds texts of any length.
    fn long_text_type(&self) -> ColumnType {
        ColumnType::Text
    }

    /// The type of a column that holds texts short enough for an index.
    fn short_text_type(&self) -> ColumnType {
        ColumnType::Text
    }

    /// The type of a column that holds times to the microsecond.
    fn time_type(&self) -> ColumnType {
        ColumnType::TimestampWithTimeZone
    }

    /// Makes a new table compare texts byte by byte, including trailing spaces.
    fn compare_bytes(&self, _table: &mut TableCreateStatement) {}

    /// Checks that this role may do what a server does, and that the log can be put in order. Changes
    /// nothing.
    ///
    /// # Errors
    /// [`Refused`].
    async fn check_rights(&self, db: &dyn Session) -> Result<(), Refused>;

    // The catalogue.

    /// Adds to `table` whatever else capture must know about it.
    ///
    /// # Errors
    /// Errors of the database, or if triggers cannot follow one of the table's indexes.
    async fn complete(
        &self,
        _db: &dyn Session,
        _name: &str,
        _table: &mut Table,
    ) -> Result<(), DbErr> {
        Ok(())
    }

    /// When the database takes two texts of a column for equal, by the columns' names in the catalogue.
    ///
    /// # Errors
    /// Errors of the database.
    async fn equalities(
        &self,
        db: &dyn Session,
        table: &str,
    ) -> Result<BTreeMap<String, Equality>, DbErr>;

    /// The schema that table and log are in, where a trigger must name it.
    ///
    /// # Errors
    /// Errors of the database, or if there is no schema.
    async fn schema_name(&self, _db: &dyn Session) -> Result<String, DbErr> {
        Ok(String::new())
    }

    // Capture by triggers.

    /// The triggers of a table and the functions that they call, in the order in which they are created.
    fn pieces(&self, plan: &Plan<'_>) -> Vec<Piece>;

    /// Whether an existing trigger or function is exactly what [`pieces`](Self::pieces) would create.
    fn is_as_made(&self, plan: &Plan<'_>, piece: &Piece, made: &Made) -> bool;

    /// The image of these columns of a row as triggers write it, in SQL.
    fn image_of(&self, version: &Version, row: &str) -> String;

    /// The image of a whole row as triggers write it, in SQL.
    fn whole_image(&self, version: &Version, row: &str) -> String {
        self.image_of(version, row)
    }

    /// Whether a key of this type is written in a form that a reader of the log can look up.
    fn takes_key(&self, _ty: &str) -> bool {
        true
    }

    /// How values of a type (in the catalogue's words) are read where no entity declares it.
    fn reading(&self, ty: &str) -> Reading;

    /// Whether triggers write values of the type in hexadecimal.
    fn is_hexadecimal(&self, _ty: &str) -> bool {
        false
    }

    /// The statement that drops a trigger of a table if it exists.
    fn drop_trigger(&self, trigger: &str, _table: &str) -> String {
        format!("DROP TRIGGER IF EXISTS {}", self.quote(trigger))
    }

    /// Runs a statement that drops a trigger or creates a piece. If it must wait for transactions that write
    /// the table, it waits for at most ten seconds.
    ///
    /// # Errors
    /// Errors of the database.
    async fn alter(&self, db: &dyn Session, sql: &str, _makes: bool) -> Result<(), DbErr> {
        db.run_text(sql).await.map(|_| ())
    }

    /// Drops leftover triggers and functions of a table after its [`pieces`](Self::pieces) were created, or,
    /// where there is no plan any more, once all of its triggers are gone.
    ///
    /// # Errors
    /// Errors of the database.
    async fn tidy(
        &self,
        _db: &dyn Session,
        _entity: &str,
        _plan: Option<&Plan<'_>>,
    ) -> Result<(), DbErr> {
        Ok(())
    }

    /// Changes the table's row in `change_capture`, by a statement without values, while no transaction is
    /// writing the table.
    ///
    /// # Errors
    /// Errors of the database.
    async fn change_capture(
        &self,
        db: &dyn Session,
        _entity: &str,
        sql: &str,
    ) -> Result<(), DbErr> {
        db.run_text(sql).await.map(|_| ())
    }

    /// The capture tables that only this database has, as the text after `CREATE TABLE`.
    fn capture_tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Who was responsible for recording a write that has just run. The answer holds until the transaction
    /// ends.
    ///
    /// # Errors
    /// Errors of the database.
    async fn writer(&self, db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr>;

    /// Whether the insertion of a change failed because triggers write the log of the table.
    fn is_left_to_triggers(&self, _error: &dyn DatabaseError) -> bool {
        false
    }

    /// Whether the catalogue has the table's triggers and all are switched on. It is called before a write,
    /// and takes a lock that keeps them so.
    ///
    /// # Errors
    /// Errors of the database.
    async fn are_triggers_in_force(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr>;

    /// Whether triggers have recorded a write of the table in this transaction. This is asked for a
    /// transaction whose snapshot may be older than a switch back to hooks.
    ///
    /// # Errors
    /// Errors of the database.
    async fn have_triggers_recorded(
        &self,
        _db: &dyn Session,
        _entity: &str,
    ) -> Result<bool, DbErr> {
        Ok(true)
    }

    /// Locks the entry that says who writes a table's log as the transaction's snapshot has it. The table is
    /// named in lower case.
    ///
    /// # Errors
    /// Errors of the database. If the entry has changed since the snapshot, the transaction must be retried.
    async fn keep_writer(&self, _db: &dyn Session, _entity: &str) -> Result<(), DbErr> {
        Ok(())
    }

    /// Sends triggers the context in which the transaction writes. Returns whether the transaction sees the
    /// database as of its first statement, where that matters to what triggers do.
    ///
    /// # Errors
    /// Errors of the database.
    async fn send_context(&self, db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr>;

    /// The ways in which rows of the table change without firing a trigger.
    ///
    /// # Errors
    /// Errors of the database.
    async fn unseen(&self, _db: &dyn Session, _entity: &str) -> Result<Vec<Unseen>, DbErr> {
        Ok(Vec::new())
    }

    // Keys as literals.

    /// The expression by which a key column is compared and ordered.
    fn compared(&self, key: &Column, row: &str) -> String {
        format!("{row}.{}", self.quote(&key.name))
    }

    /// A key column's value as a text from which [`key_literal`](Self::key_literal) makes a literal.
    fn key_text(&self, key: &Column, row: &str) -> String;

    /// The literal that means the value of a [`key_text`](Self::key_text).
    fn key_literal(&self, text: &str, key: &Column) -> String;
}
