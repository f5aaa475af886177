//! The transaction: records what the hooks report and commits only with its books closed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StatementBuilder, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
};

use super::end::End;
use super::health::{After, after_error};
use super::ledger::Ledger;
use super::shared::{Level, Scope};
use super::statement_writes::{Write, writes_of};
use super::trigger_context::TriggerContext;
use crate::binding::make_bindable;
use crate::capture::protocol::Message;
use crate::error::CaptureError;
use crate::packet;

/// A transaction that cannot commit a tracked row without its change, nor the change without it.
///
/// Nested ones are savepoints with books of their own: rolling back takes rows, changes and books
/// back together. Dropped without commit it rolls back.
pub struct TrackedTransaction {
    pub(super) inner: DatabaseTransaction,
    pub(super) scope: Arc<Scope>,
    ledger: Mutex<Ledger>,
    pub(super) trigger_context: Arc<TriggerContext>,
    /// PostgreSQL takes nothing more on this level but its rollback.
    pub(super) failed: AtomicBool,
    /// Parts of this level that are under way; one that is left when it ends was cut off.
    pub(super) parts: AtomicUsize,
    pub(super) level: Level,
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
            level: Level::new(&scope),
            inner,
            scope,
            ledger: Mutex::default(),
            trigger_context: Arc::default(),
            failed: AtomicBool::new(false),
            parts: AtomicUsize::new(0),
            is_savepoint: false,
        }
    }

    /// The id that all changes of this transaction carry.
    pub fn transaction_id(&self) -> &str {
        &self.scope.transaction_id
    }

    /// Whether the database has ended all of it: nothing of it is stored, and nothing more can be written in
    /// it.
    pub fn has_ended(&self) -> bool {
        self.scope.ended.load(Ordering::Relaxed)
    }

    fn nested(&self, inner: DatabaseTransaction) -> Self {
        Self {
            is_savepoint: true,
            trigger_context: Arc::new(TriggerContext::nested(&self.trigger_context)),
            ..Self::new(inner, Arc::clone(&self.scope))
        }
    }

    pub(super) fn books<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        // The ledger is consistent between calls, so a panic elsewhere cannot have torn it.
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// Waits for an answer of the database; notices if the wait is cut off, and if the database has
    /// ended the transaction.
    pub(super) async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if self.is_over() {
            return Err(CaptureError::Ended.into());
        }
        self.scope.in_flight.fetch_add(1, Ordering::Relaxed);
        let answer = statement.await;
        if let Err(error) = &answer {
            self.look_after(error).await;
        }
        self.scope.in_flight.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// Notices what an error of the database left of the transaction.
    pub(super) async fn look_after(&self, error: &DbErr) {
        match after_error(&self.inner, error, self.scope.levels()).await {
            After::Alive => {}
            After::Failed => self.failed.store(true, Ordering::Relaxed),
            After::Ended => self.scope.ended.store(true, Ordering::Relaxed),
        }
    }

    fn is_over(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.scope.ended.load(Ordering::Relaxed)
    }

    /// Refuses a statement that is larger than the database takes.
    pub(super) async fn check_size(&self, stmt: &Statement) -> Result<(), DbErr> {
        self.answer(packet::check(&self.inner, stmt)).await
    }

    /// Enters the statement's writes in the books.
    fn enter(&self, writes: &[Write]) -> Result<(), CaptureError> {
        self.scope.count_write();
        self.books(|ledger| {
            for (done, (table, operation)) in writes.iter().enumerate() {
                if !ledger.execute(table, *operation) {
                    for (table, operation) in &writes[..done] {
                        ledger.revoke(table, *operation);
                    }
                    return Err(CaptureError::Unrecorded {
                        table: table.clone(),
                        operation: *operation,
                    });
                }
            }
            Ok(())
        })
    }

    /// Runs a query statement with its writes in the books; `touched` tells whether the result
    /// means that a row was.
    async fn run_statement<S, R, F>(
        &self,
        stmt: &S,
        run: impl FnOnce(Statement) -> F,
        touched: impl FnOnce(&R) -> bool,
    ) -> Result<Option<R>, DbErr>
    where
        S: StatementBuilder,
        F: Future<Output = Result<R, DbErr>>,
    {
        let built = stmt.build(&self.inner.get_database_backend());
        if let Some(message) = Message::of(&built) {
            self.receive(message?).await?;
            return Ok(None);
        }
        let writes = writes_of(stmt, &built, self.scope.settings.tracked);
        self.check(&built.sql, &writes).await?;
        if writes.is_raw {
            self.check_stays(&built.sql)?;
        }
        let writes = self.for_hooks(writes.tracked).await?;
        let bindable = make_bindable(built);
        self.check_size(&bindable).await?;
        if writes.is_empty() {
            return self.answer(run(bindable)).await.map(Some);
        }
        self.enter(&writes)?;
        let result = self.answer(run(bindable)).await;
        if !result.as_ref().is_ok_and(touched) {
            self.books(|ledger| {
                for (table, operation) in &writes {
                    ledger.revoke(table, *operation);
                }
            });
        }
        result.map(Some)
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
            |built| self.inner.execute_raw(built),
            |result| result.rows_affected() > 0,
        )
        .await?
        // Hooks speak through `query_one`; no message can come this way.
        .ok_or_else(|| CaptureError::Protocol.into())
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
        self.run_statement(
            stmt,
            |built| self.inner.query_one_raw(built),
            Option::is_some,
        )
        .await
        .map(Option::flatten)
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.check_raw(&stmt.sql).await?;
        self.check_size(&stmt).await?;
        self.answer(self.inner.query_all_raw(stmt)).await
    }

    async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
        self.run_statement(
            stmt,
            |built| self.inner.query_all_raw(built),
            |rows| !rows.is_empty(),
        )
        .await
        .map(Option::unwrap_or_default)
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

#[async_trait::async_trait]
impl TransactionSession for TrackedTransaction {
    /// Commits rows and changes together. An answer means that the database has made the commit.
    ///
    /// # Errors
    /// [`CaptureError::Unfinished`] if a tracked table was written and the change not recorded;
    /// [`CaptureError::CutOff`] if a statement's future was dropped; [`CaptureError::SavepointOpen`].
    /// Everything is then rolled back. What the database says: whether it has committed is then not known
    /// where the connection was lost.
    async fn commit(self) -> Result<(), DbErr> {
        let open = self.books(|ledger| {
            ledger
                .open()
                .map(|(table, operation)| (table.to_owned(), operation))
        });
        let parts = self.parts.load(Ordering::Relaxed);
        if parts > 0 || self.scope.in_flight.load(Ordering::Relaxed) > 0 {
            // Sends nothing: dropping it, the pool rolls back.
            return Err(CaptureError::CutOff.into());
        }
        if self.level.has_open_savepoint() {
            return Err(CaptureError::SavepointOpen.into());
        }
        if self.is_over() {
            // There may be nothing left to roll back; either way nothing is committed.
            let _ = self.rollback().await;
            return Err(CaptureError::Ended.into());
        }
        if let Some((table, operation)) = open {
            self.rollback().await?;
            return Err(CaptureError::Unfinished { table, operation }.into());
        }
        // A failure leaves the transaction open, and dropping it rolls back.
        self.answer(self.trigger_context.clear(&self.inner)).await?;
        self.end(End::Commit).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.end(End::Rollback).await
    }
}
