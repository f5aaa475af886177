//! The transaction: records what the hooks report and commits only with its books closed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::Alias;
use sea_orm::{
    AccessMode, ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, IsolationLevel, QueryResult, Statement, StatementBuilder, TransactionError,
    TransactionOptions, TransactionSession, TransactionTrait,
};
use serde_json::Value as Json;

use super::alive::{After, after_error};
use super::inspect::{Write, writes_of};
use super::ledger::{Ledger, Settlement};
use super::shared::Scope;
use crate::binding::make_bindable;
use crate::capture::protocol::{Message, Step};
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::log::{self, Operation, Source};
use crate::migration::INBOX;
use crate::raw_sql::ends_transaction;

/// The shape of table that hook images have until migrations change it.
const FIRST_SCHEMA_VERSION: i32 = 1;

/// A transaction that cannot commit a tracked row without its change, nor the change without it.
///
/// Nested ones are savepoints with books of their own: rolling back takes rows, changes and books
/// back together. Dropped without commit it rolls back.
pub struct TrackedTransaction {
    inner: DatabaseTransaction,
    scope: Arc<Scope>,
    ledger: Mutex<Ledger>,
    /// PostgreSQL takes nothing more on this level but its rollback.
    failed: AtomicBool,
    is_savepoint: bool,
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
            inner,
            scope,
            ledger: Mutex::default(),
            failed: AtomicBool::new(false),
            is_savepoint: false,
        }
    }

    /// The id that all changes of this transaction carry.
    pub fn transaction_id(&self) -> &str {
        &self.scope.transaction_id
    }

    fn savepoint(&self, inner: DatabaseTransaction) -> Self {
        Self {
            is_savepoint: true,
            ..Self::new(inner, Arc::clone(&self.scope))
        }
    }

    fn books<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
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
    async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if self.is_over() {
            return Err(CaptureError::Ended.into());
        }
        self.scope.in_flight.fetch_add(1, Ordering::Relaxed);
        let answer = statement.await;
        if answer.is_err() {
            match after_error(&self.inner).await {
                After::Alive => {}
                After::Failed => self.failed.store(true, Ordering::Relaxed),
                After::Ended => self.scope.ended.store(true, Ordering::Relaxed),
            }
        }
        self.scope.in_flight.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    fn is_over(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.scope.ended.load(Ordering::Relaxed)
    }

    /// Refuses SQL text before which the database would commit by itself.
    fn check_stays(&self, sql: &str) -> Result<(), CaptureError> {
        match ends_transaction(sql, self.inner.get_database_backend()) {
            Some(verb) => Err(CaptureError::RawTransaction { verb }),
            None => Ok(()),
        }
    }

    /// Enters the statement's writes in the books.
    fn enter(&self, writes: &[Write]) -> Result<(), CaptureError> {
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
        self.scope
            .settings
            .check(&self.inner, &built.sql, &writes)
            .await?;
        if writes.is_raw {
            self.check_stays(&built.sql)?;
        }
        let writes = writes.tracked;
        let bindable = make_bindable(built);
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

    async fn receive(&self, message: Message) -> Result<(), DbErr> {
        let Message {
            table,
            operation,
            step,
        } = message;
        match step {
            Step::Announce { key, before } => {
                self.books(|ledger| ledger.announce(table, operation, key, before));
                Ok(())
            }
            Step::Unchanged { key } => {
                self.books(|ledger| ledger.unchanged(table, operation, key));
                Ok(())
            }
            Step::Record { key, after } => self.record(table, operation, key, after).await,
        }
    }

    async fn record(
        &self,
        table: String,
        operation: Operation,
        key: Image,
        after: Option<Image>,
    ) -> Result<(), DbErr> {
        let settlement = self
            .books(|ledger| ledger.record(&table, operation, &key))
            .map_err(|_| CaptureError::Unrecorded {
                table: table.clone(),
                operation,
            })?;
        let before = match settlement {
            Settlement::Untouched => return Ok(()),
            Settlement::Raced => return Err(CaptureError::Raced { table }.into()),
            Settlement::Changed(before) => before,
        };
        // The database may have stored what was there before (rounding, padding).
        let is_change = match (&before, &after) {
            (Some(before), Some(after)) => !image::differing(before, after).is_empty(),
            _ => true,
        };
        if is_change {
            self.append(&table, operation, key, before, after)
                .await
                .map_err(|source| CaptureError::Log {
                    table: table.clone(),
                    source,
                })?;
            self.scope.mark_recorded();
        }
        self.books(|ledger| ledger.settle(&table, operation));
        Ok(())
    }

    async fn append(
        &self,
        table: &str,
        operation: Operation,
        key: Image,
        before: Option<Image>,
        after: Option<Image>,
    ) -> Result<(), DbErr> {
        let context = &self.scope.settings.context;
        let row = log::ActiveModel {
            entity: Set(table.to_owned()),
            row_key: Set(Json::Object(key)),
            operation: Set(operation),
            before: Set(before.map(Json::Object)),
            after: Set(after.map(Json::Object)),
            actor: Set(context.actor.clone()),
            mutation_id: Set(context.mutation_id.clone()),
            metadata: Set(context.metadata.clone().map(Json::Object)),
            transaction_id: Set(self.scope.transaction_id.clone()),
            source: Set(Source::Hook),
            schema_version: Set(FIRST_SCHEMA_VERSION),
            recorded_at: Set(chrono::Utc::now()),
            ..Default::default()
        };
        let mut insertion = log::insertion(&row, self.inner.get_database_backend());
        if self.inner.get_database_backend() == DbBackend::MySql {
            // A sequencer moves it into the log, in order.
            insertion.into_table(Alias::new(INBOX));
        }
        self.answer(self.inner.execute(&insertion)).await?;
        Ok(())
    }

    async fn check_raw(&self, sql: &str) -> Result<(), DbErr> {
        self.scope.settings.check_raw(&self.inner, sql).await?;
        Ok(self.check_stays(sql)?)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TrackedTransaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.check_raw(&stmt.sql).await?;
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
        Ok(self.savepoint(self.answer(self.inner.begin()).await?))
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TrackedTransaction, DbErr> {
        let inner = self.inner.begin_with_config(isolation_level, access_mode);
        Ok(self.savepoint(self.answer(inner).await?))
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<TrackedTransaction, DbErr> {
        let inner = self.answer(self.inner.begin_with_options(options));
        Ok(self.savepoint(inner.await?))
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
    /// Commits rows and changes together.
    ///
    /// # Errors
    /// [`CaptureError::Unfinished`] if a tracked table was written and the change not recorded;
    /// [`CaptureError::CutOff`] if a statement's future was dropped. Everything is then rolled back.
    async fn commit(self) -> Result<(), DbErr> {
        let open = self.books(|ledger| {
            ledger
                .open()
                .map(|(table, operation)| (table.to_owned(), operation))
        });
        if self.scope.in_flight.load(Ordering::Relaxed) > 0 {
            // Sends nothing: dropping it, the pool rolls back.
            return Err(CaptureError::CutOff.into());
        }
        if self.is_over() {
            // There may be nothing left to roll back; either way nothing is committed.
            let _ = self.inner.rollback().await;
            return Err(CaptureError::Ended.into());
        }
        if let Some((table, operation)) = open {
            self.inner.rollback().await?;
            return Err(CaptureError::Unfinished { table, operation }.into());
        }
        let (inner, scope) = (self.inner, Arc::clone(&self.scope));
        scope.in_flight.fetch_add(1, Ordering::Relaxed);
        let committed = inner.commit().await;
        scope.in_flight.fetch_sub(1, Ordering::Relaxed);
        committed?;
        if !self.is_savepoint {
            self.scope.committed();
        }
        Ok(())
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}
