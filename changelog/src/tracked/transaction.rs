//! The transaction: runs statements with their writes in its books.
//!
//! This file has the type and what it is to SeaORM; the transaction's condition is in `state`. The other things
//! that a transaction does have files of their own: `statement_admission` refuses statements,
//! `captured_writes` serves tables that triggers capture, `record` takes what hooks report, `rows_statement`
//! runs statements on many rows, `savepoint` keeps work as a whole or takes it back, `end` commits and rolls
//! back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StatementBuilder, TransactionError, TransactionOptions,
    TransactionTrait,
};

use super::announced::{Announced, Conflict, Wanted, conflict_of};
use super::health::after_error;
use super::ledger::Ledger;
use super::scope::{InFlight, OpenLevel, Scope};
use super::state::State;
use super::statement_writes::{Write, writes_of};
use crate::binding::make_bindable;
use crate::capture::protocol::{Message, Question};
use crate::database;
use crate::error::{Retry, WriteRefusal};
use crate::packet;

/// A transaction that cannot commit a tracked row without its change, nor the change without it.
///
/// A nested transaction is a savepoint with books of its own: rolling it back takes rows, changes and books
/// back together. Dropping a transaction without a commit rolls it back.
pub struct TrackedTransaction {
    pub(super) inner: DatabaseTransaction,
    pub(super) scope: Arc<Scope>,
    pub(super) level: OpenLevel,
    pub(super) is_savepoint: bool,
}

impl std::fmt::Debug for TrackedTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackedTransaction")
            .field("transaction_id", &self.scope.transaction_id)
            .finish_non_exhaustive()
    }
}

impl TrackedTransaction {
    pub(super) fn new(inner: DatabaseTransaction, scope: Arc<Scope>) -> Self {
        Self {
            level: OpenLevel::outermost(&scope),
            inner,
            scope,
            is_savepoint: false,
        }
    }

    fn nested(&self, inner: DatabaseTransaction) -> Self {
        Self {
            level: self.level.nested(),
            inner,
            scope: Arc::clone(&self.scope),
            is_savepoint: true,
        }
    }

    /// The id that all changes of this transaction carry.
    pub fn transaction_id(&self) -> &str {
        &self.scope.transaction_id
    }

    /// Whether the database has ended the whole transaction: nothing of it is stored, and nothing more can be
    /// written in it.
    pub fn has_ended(&self) -> bool {
        self.level.state(|level| level.has_ended())
    }

    /// Bounds the wait of each further statement for a row, until the transaction ends; the connection then
    /// waits as before. A transaction that is tried again has only what is left of its time. This takes one
    /// statement. On PostgreSQL a statement may wait twice, for its turn at the row and for the row, so each of
    /// the two waits gets half of the time. MariaDB counts whole seconds, at least one. On SQLite this does
    /// nothing: a transaction that writes has waited for all others when it began.
    ///
    /// # Errors
    /// An error of the database.
    pub async fn limit_lock_waits(&self, most: Duration) -> Result<(), DbErr> {
        let Some(limit) = database::of(self).limit_lock_waits(most) else {
            return Ok(());
        };
        self.scope.state(State::set_lock_limit);
        self.answer(self.inner.execute_unprepared(&limit))
            .await
            .map(|_| ())
    }

    /// Reads or changes the books.
    pub(super) fn books<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        self.level.state(|level| act(&mut level.books))
    }

    pub(super) async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        match callback(&self).await {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                self.rollback().await?;
                Err(TransactionError::Transaction(error))
            }
        }
    }

    /// Sends a statement and waits for the answer. If the future is dropped meanwhile, the transaction does not
    /// commit; if the answer is an error, this finds out what it left of the transaction.
    ///
    /// # Errors
    /// [`Retry::Ended`] if the level takes no statement; an error of the statement.
    pub(super) async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let Some(in_flight) = self.level.begin_statement() else {
            return Err(Retry::Ended.into());
        };
        self.wait(in_flight, statement).await
    }

    /// Waits for the answer to a statement that has begun.
    pub(super) async fn wait<T>(
        &self,
        in_flight: InFlight,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let answer = statement.await;
        if let Err(error) = &answer {
            self.look_after(error).await;
        }
        in_flight.ended();
        answer
    }

    /// Finds out what an error of the database left of the transaction.
    pub(super) async fn look_after(&self, error: &DbErr) {
        let levels = self.scope.state(|state| state.open_levels());
        let after = after_error(&self.inner, error, levels).await;
        self.level
            .in_transaction(|state, id| state.note_error(id, after));
    }

    /// Refuses a statement that is larger than the database takes.
    pub(super) async fn check_size(&self, stmt: &Statement) -> Result<(), DbErr> {
        self.answer(packet::check(&self.inner, stmt)).await
    }

    /// The refusal of a statement with a write that no hook has announced.
    fn unannounced(&self, writes: &[Write]) -> Option<DbErr> {
        let is_unexpected =
            |(table, operation): &&Write| !self.books(|books| books.expects(table, *operation));
        let (table, operation) = writes.iter().find(is_unexpected)?.clone();
        Some(WriteRefusal::Unrecorded { table, operation }.into())
    }

    /// Enters the statement's writes in the books.
    fn enter(&self, writes: &[Write]) -> Result<(), WriteRefusal> {
        self.scope.state(State::count_write);
        self.books(|books| {
            for (done, (table, operation)) in writes.iter().enumerate() {
                if !books.execute(table, *operation) {
                    for (table, operation) in &writes[..done] {
                        books.revoke(table, *operation);
                    }
                    return Err(WriteRefusal::Unrecorded {
                        table: table.clone(),
                        operation: *operation,
                    });
                }
            }
            Ok(())
        })
    }

    /// Runs a query statement with its writes in the books; `touched` is the number of rows that were written by
    /// its result.
    async fn run_statement<S, R, F>(
        &self,
        stmt: &S,
        run: impl FnOnce(Announced) -> F,
        touched: impl FnOnce(&R) -> usize,
    ) -> Result<Option<R>, DbErr>
    where
        S: StatementBuilder,
        F: Future<Output = Result<R, DbErr>>,
    {
        let built = stmt.build(&self.inner.get_database_backend());
        if Question::is(&built) {
            return Ok(None);
        }
        if let Some(message) = Message::of(&built) {
            self.receive(message?).await?;
            return Ok(None);
        }
        let text = self.text(&built.sql);
        let writes = writes_of(stmt, &text, self.scope.settings.tracked);
        self.check(&text, &writes).await?;
        if writes.is_raw {
            self.check_stays(&text)?;
        }
        let mut writes = self.for_hooks(writes.tracked).await?;
        let conflict = match self.unannounced(&writes) {
            None => conflict_of(&text, &writes)?,
            Some(refusal) if self.scope.settings.lets_through(&refusal, &text) => {
                writes.clear();
                Conflict::Told
            }
            Some(refusal) => return Err(refusal),
        };
        let announced = Announced::new(make_bindable(built), &writes, conflict);
        self.check_size(&announced.statement).await?;
        if writes.is_empty() {
            return self.answer(run(announced)).await.map(Some);
        }
        self.enter(&writes)?;
        let result = self.answer(run(announced)).await;
        let rows = result.as_ref().map_or(0, touched);
        self.books(|books| {
            for (table, operation) in &writes {
                books.executed_rows(table, *operation, rows);
            }
        });
        result.map(Some)
    }

    async fn query_rows<S: StatementBuilder>(
        &self,
        stmt: &S,
        wanted: Wanted,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let rows = self
            .run_statement(
                stmt,
                |announced| announced.query(&self.inner, wanted),
                Vec::len,
            )
            .await?;
        Ok(rows.unwrap_or_default())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TrackedTransaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.check_raw(&stmt.sql).await?;
        self.check_size(&stmt).await?;
        self.answer(self.inner.execute_raw(stmt)).await
    }

    async fn execute<S: StatementBuilder>(&self, stmt: &S) -> Result<ExecResult, DbErr> {
        self.run_statement(
            stmt,
            |announced| announced.execute(&self.inner),
            |result| usize::try_from(result.rows_affected()).unwrap_or(usize::MAX),
        )
        .await?
        // Hooks speak through `query_one`; no message can come this way.
        .ok_or_else(|| WriteRefusal::Protocol.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.check_raw(sql).await?;
        self.answer(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.check_raw(&stmt.sql).await?;
        self.check_size(&stmt).await?;
        self.answer(self.inner.query_one_raw(stmt)).await
    }

    async fn query_one<S: StatementBuilder>(&self, stmt: &S) -> Result<Option<QueryResult>, DbErr> {
        let rows = self.query_rows(stmt, Wanted::First).await?;
        Ok(rows.into_iter().next())
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.check_raw(&stmt.sql).await?;
        self.check_size(&stmt).await?;
        self.answer(self.inner.query_all_raw(stmt)).await
    }

    async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
        self.query_rows(stmt, Wanted::All).await
    }
}

#[async_trait::async_trait]
impl TransactionTrait for TrackedTransaction {
    type Transaction = TrackedTransaction;

    async fn begin(&self) -> Result<TrackedTransaction, DbErr> {
        Ok(self.nested(self.answer(self.inner.begin()).await?))
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TrackedTransaction, DbErr> {
        let inner = self.inner.begin_with_config(isolation_level, access_mode);
        Ok(self.nested(self.answer(inner).await?))
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<TrackedTransaction, DbErr> {
        let inner = self.answer(self.inner.begin_with_options(options));
        Ok(self.nested(inner.await?))
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c TrackedTransaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        self.begin().await?.run(callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c TrackedTransaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let transaction = self.begin_with_config(isolation_level, access_mode).await?;
        transaction.run(callback).await
    }
}
