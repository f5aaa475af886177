//! What every database is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, TableCreateStatement};
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{
    ColumnType, Condition, DbBackend, DbErr, QueryResult, Statement, TransactionOptions, Value,
};

use super::{
    After, Catalogue, ContextTexts, Facts, Made, Piece, Plan, Refused, Row, Session, Shared,
    Syntax, Unseen, Writer, Written,
};
use crate::collation::Equality;
use crate::shape::{Column, Reading, Table, Version};

/// How a column of the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// JSON, which nobody parses on the way.
    Json,
    /// A text of another program's choice.
    Free,
    /// A value that needs nothing.
    Plain,
}

/// What a transaction is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// To write: where one transaction writes at a time, it is that one from its beginning.
    Write,
    /// The same, and each statement sees what was committed before it.
    WriteSeeingCommits,
}

/// What rows are locked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLock {
    /// For an update. On PostgreSQL one that changes a column by which a foreign key finds the row takes
    /// the stronger lock by itself when it runs; two that do so about each other's rows end in a deadlock,
    /// which is tried again.
    Update,
    /// For a delete. PostgreSQL gets at once the lock that the delete takes, so that it need not be made
    /// stronger while others wait for it.
    Delete,
}

/// One database: what it can do, and how it is told.
#[async_trait::async_trait]
pub trait Dialect: std::fmt::Debug + Send + Sync + 'static {
    /// SeaORM's name for it.
    fn backend(&self) -> DbBackend;

    /// What can be said of it without asking.
    fn facts(&self) -> &'static Facts;

    /// How its catalogue is asked.
    fn catalogue(&self) -> &'static Catalogue;

    /// How it cuts a text into words, names and strings.
    fn syntax(&self) -> &'static Syntax;

    // Texts.

    /// A name that means itself, whatever its characters.
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A string literal that means this text, whatever the server's settings.
    fn literal(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A statement with `?` for its values, whatever the database's own marks are. The text has no other `?`.
    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        self.own_statement(sql, values)
    }

    /// A query on the catalogue, of which each `?` is the name of this table.
    fn ask_of(&self, sql: &str, table: &str) -> Statement {
        self.statement(sql, vec![table.into(); sql.matches('?').count()])
    }

    /// A statement with the database's own marks for its values.
    fn own_statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// A name as the catalogue compares it.
    fn fold(&self, name: &str) -> String {
        name.to_lowercase()
    }

    // Values.

    /// The same value in a type that the driver binds without loss.
    fn bindable(&self, value: Value) -> Value {
        value
    }

    /// Whether the database can be given the value, of a type that it takes, and keeps all of it.
    fn holds(&self, value: &Value) -> bool;

    /// A text that stands for a value of whatever type it is compared with.
    fn untyped(&self, text: &str) -> Expr {
        Expr::val(text)
    }

    /// A JSON text that is bound, as a value of a JSON column.
    fn json(&self, text: Expr) -> Expr {
        text
    }

    /// A JSON column as a text.
    fn json_text(&self, column: Expr) -> Expr {
        column
    }

    /// A column of the log in a form that [`read_text`](Self::read_text) reads.
    fn readable_column(&self, column: Expr, stored: Stored) -> Expr;

    /// The SQL of a text in a form that [`read_text`](Self::read_text) reads.
    fn readable(&self, text: &str) -> String;

    /// The bytes of a readable text in an answer.
    ///
    /// # Errors
    /// If the answer has no such column.
    fn read_text(&self, row: &QueryResult, column: &str) -> Result<Option<Vec<u8>>, DbErr> {
        let text = row.try_get::<Option<String>>("", column)?;
        Ok(text.map(String::into_bytes))
    }

    /// A number of the catalogue that says yes or no.
    ///
    /// # Errors
    /// If the answer has no such column.
    fn read_flag(&self, row: &QueryResult, column: &str) -> Result<bool, DbErr> {
        Ok(row.try_get::<i64>("", column)? != 0)
    }

    // Transactions and locks.

    /// The options of a transaction that is begun for this.
    fn begin(&self, purpose: Begin) -> TransactionOptions;

    /// Somebody's options, without what the database does not know.
    fn options(&self, options: TransactionOptions) -> TransactionOptions {
        options
    }

    /// The lock of rows for this; none where a transaction that writes has the database to itself.
    fn row_lock(&self, lock: RowLock) -> Option<LockType>;

    /// What holds up a switch of who writes the table's log, as each write of the table does.
    fn write_lock(&self, _table: &str) -> Option<String> {
        None
    }

    /// What waits for every transaction that has written the table, and holds up those that will.
    fn switch_lock(&self, _table: &str) -> Option<String> {
        None
    }

    /// The statement after which no other of the same session runs longer; none where the database knows no
    /// such bound.
    fn limit_statements(&self, most: Duration) -> Option<String>;

    /// The statement after which no other of the same transaction waits longer for a row; none where a
    /// transaction that writes has waited for all others when it began.
    fn limit_lock_waits(&self, most: Duration) -> Option<String>;

    /// What an error left of a transaction.
    async fn after_error(&self, tx: &dyn Session, error: &DbErr) -> After;

    /// Whether the same transaction, tried again, may succeed as it is.
    fn is_transient(&self, error: &dyn DatabaseError) -> bool;

    /// Whether the database says that it cannot work now; another try may succeed later.
    fn is_unavailable(&self, error: &dyn DatabaseError) -> bool;

    // The log.

    /// The statement that adds rows to a table of the log's shape, in their order.
    fn insert_rows(&self, table: &str, shared: Shared, rows: Vec<Row>) -> Statement;

    /// Changes whose key is stored as one of these texts, by the index on keys.
    fn has_key(&self, texts: Vec<String>) -> Condition {
        Condition::all().add(Expr::col("row_key").is_in(texts))
    }

    /// The type of a column that holds JSON texts as they were written. On PostgreSQL never `jsonb`: it refuses
    /// \u0000 and drops the sign of -0.0.
    fn json_type(&self) -> ColumnType {
        ColumnType::Json
    }

    /// The type of a column that holds texts of any length.
    fn long_text_type(&self) -> ColumnType {
        ColumnType::Text
    }

    /// The type of a column that holds texts which an index can hold.
    fn short_text_type(&self) -> ColumnType {
        ColumnType::Text
    }

    /// The type of a column that holds moments to the microsecond.
    fn time_type(&self) -> ColumnType {
        ColumnType::TimestampWithTimeZone
    }

    /// Has a new table compare texts byte by byte, trailing spaces included.
    fn compare_bytes(&self, _table: &mut TableCreateStatement) {}

    /// Checks that this role may do what a server does, and that the log can have an order; changes nothing.
    ///
    /// # Errors
    /// [`Refused`].
    async fn check_rights(&self, db: &dyn Session) -> Result<(), Refused>;

    // The catalogue.

    /// What else capture must know of a table.
    ///
    /// # Errors
    /// What the database says; if triggers cannot follow one of its indexes.
    async fn complete(
        &self,
        _db: &dyn Session,
        _name: &str,
        _table: &mut Table,
    ) -> Result<(), DbErr> {
        Ok(())
    }

    /// When two texts of a column are equal to the database, by the columns' names in the catalogue.
    ///
    /// # Errors
    /// What the database says.
    async fn equalities(
        &self,
        db: &dyn Session,
        table: &str,
    ) -> Result<BTreeMap<String, Equality>, DbErr>;

    /// The schema that table and log are in, where a trigger must name it.
    ///
    /// # Errors
    /// What the database says; if there is none.
    async fn schema_name(&self, _db: &dyn Session) -> Result<String, DbErr> {
        Ok(String::new())
    }

    // Capture by triggers.

    /// The triggers of a table, and what they call, in the order in which they are made.
    fn pieces(&self, plan: &Plan<'_>) -> Vec<Piece>;

    /// Whether what is there is what [`pieces`](Self::pieces) makes.
    fn is_as_made(&self, plan: &Plan<'_>, piece: &Piece, made: &Made) -> bool;

    /// The image of these columns of a row as triggers write it, in SQL.
    fn image_of(&self, version: &Version, row: &str) -> String;

    /// The image of a whole row as triggers write it, in SQL.
    fn whole_image(&self, version: &Version, row: &str) -> String {
        self.image_of(version, row)
    }

    /// Whether a key of this type is written so that a reader of the log finds it again.
    fn takes_key(&self, _ty: &str) -> bool {
        true
    }

    /// How values of a type in the catalogue's words are read, where no entity tells.
    fn reading(&self, ty: &str) -> Reading;

    /// Whether triggers write values of the type in hexadecimal.
    fn is_hexadecimal(&self, _ty: &str) -> bool {
        false
    }

    /// The statement that drops a trigger of a table, if it is there.
    fn drop_trigger(&self, trigger: &str, _table: &str) -> String {
        format!("DROP TRIGGER IF EXISTS {}", self.quote(trigger))
    }

    /// Runs a statement that drops a trigger, or one that makes a piece. Where that waits for transactions that
    /// write the table, it does so for ten seconds at most.
    ///
    /// # Errors
    /// What the database says.
    async fn alter(&self, db: &dyn Session, sql: &str, _makes: bool) -> Result<(), DbErr> {
        db.run_text(sql).await.map(|_| ())
    }

    /// Drops what is left of a table's triggers after [`pieces`](Self::pieces) were made, or once all of its
    /// triggers are gone where there is no plan any more.
    ///
    /// # Errors
    /// What the database says.
    async fn tidy(
        &self,
        _db: &dyn Session,
        _entity: &str,
        _plan: Option<&Plan<'_>>,
    ) -> Result<(), DbErr> {
        Ok(())
    }

    /// Changes what `change_capture` says of a table, by a statement without values, while nobody is writing
    /// the table.
    ///
    /// # Errors
    /// What the database says.
    async fn change_capture(
        &self,
        db: &dyn Session,
        _entity: &str,
        sql: &str,
    ) -> Result<(), DbErr> {
        db.run_text(sql).await.map(|_| ())
    }

    /// The tables of capture that only this database has, as `CREATE TABLE` names and describes them.
    fn capture_tables(&self) -> Vec<String> {
        Vec::new()
    }

    /// Who was to record a write that has just run, and then until the transaction ends.
    ///
    /// # Errors
    /// What the database says.
    async fn writer(&self, db: &dyn Session, written: &Written<'_>) -> Result<Writer, DbErr>;

    /// Whether the table's triggers are there and switched on, by the catalogue. Asked before a write, it
    /// takes what keeps them.
    ///
    /// # Errors
    /// What the database says.
    async fn are_triggers_in_force(&self, db: &dyn Session, entity: &str) -> Result<bool, DbErr>;

    /// Whether triggers have recorded a write of the table in this transaction: asked of one whose snapshot may be
    /// older than a switch back to hooks.
    ///
    /// # Errors
    /// What the database says.
    async fn have_triggers_recorded(
        &self,
        _db: &dyn Session,
        _entity: &str,
    ) -> Result<bool, DbErr> {
        Ok(true)
    }

    /// Keeps who writes the log of a table, named in lower case, as the transaction's snapshot has it.
    ///
    /// # Errors
    /// What the database says: if it is another by now, the transaction is to be tried again.
    async fn keep_writer(&self, _db: &dyn Session, _entity: &str) -> Result<(), DbErr> {
        Ok(())
    }

    /// Tells triggers on whose behalf the transaction writes. Answers whether the transaction sees the database
    /// as it was at its first statement, where that matters to what triggers do.
    ///
    /// # Errors
    /// What the database says.
    async fn send_context(&self, db: &dyn Session, context: ContextTexts) -> Result<bool, DbErr>;

    /// By what a table's rows change where no trigger fires.
    ///
    /// # Errors
    /// What the database says.
    async fn unseen(&self, _db: &dyn Session, _entity: &str) -> Result<Vec<Unseen>, DbErr> {
        Ok(Vec::new())
    }

    // Keys as literals.

    /// What of a key column is compared and ordered by.
    fn compared(&self, key: &Column, row: &str) -> String {
        format!("{row}.{}", self.quote(&key.name))
    }

    /// A key column's value as a text of which [`key_literal`](Self::key_literal) makes a literal.
    fn key_text(&self, key: &Column, row: &str) -> String;

    /// The literal that means the value of a [`key_text`](Self::key_text).
    fn key_literal(&self, text: &str, key: &Column) -> String;
}
