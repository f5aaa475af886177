//! A plain transaction whose writes triggers record in a context.
//!
//! Nothing is checked here but that the context ends with its transaction. Where the database does not see to
//! that, as on SQLite and MariaDB, the context is a row, which is stored in the transaction and removed before
//! its end. So a transaction with a context cannot be committed without this crate: it gives away neither the
//! transaction within it nor a statement that would end it.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StreamTrait, TransactionError, TransactionOptions, TransactionSession,
    TransactionTrait,
};

use crate::catalogue::is_there;
use crate::context::Context;
use crate::database;
use crate::error::{SetupRefusal, WriteRefusal};
use crate::raw_sql::SqlText;

/// Says who writes in a plain transaction, and why: what database triggers record in it carries this context.
///
/// It is for tables that [`track_by_triggers`](crate::track_by_triggers) records, in code that keeps its
/// `DatabaseConnection`. What is written through the transaction stays as it is.
///
/// ```no_run
/// use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
/// use seachange_changelog::{Context, tell};
///
/// # async fn example(db: DatabaseConnection) -> Result<(), DbErr> {
/// let tx = tell(db.begin().await?, &Context::actor("alice")).await?;
/// tx.execute_unprepared("UPDATE product SET stock = stock - 1 WHERE id = 7").await?;
/// tx.commit().await
/// # }
/// ```
///
/// The context ends with the transaction, however that ends: it cannot reach the next transaction of a pooled
/// connection. For this it takes the transaction, and the result is committed or rolled back in its place.
/// Statements that would end it, such as a raw `COMMIT`, and on MariaDB DDL, are refused with
/// [`WriteRefusal::RawTransaction`]. On MariaDB do not call a procedure in it that commits.
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`], or an error of the database. The transaction is then rolled back.
pub async fn tell(
    transaction: DatabaseTransaction,
    context: &Context,
) -> Result<ContextTransaction, DbErr> {
    database::check(ConnectionTrait::get_database_backend(&transaction))?;
    let with_context = ContextTransaction {
        inner: transaction,
        transaction_id: uuid::Uuid::now_v7().to_string(),
        is_savepoint: false,
    };
    let dialect = database::of(&with_context.inner);
    let texts = context.texts(&with_context.transaction_id);
    let Err(error) = dialect.send_context(&with_context.inner, texts).await else {
        return Ok(with_context);
    };
    let is_stored = dialect.facts().clear_context.is_some();
    if is_stored
        && matches!(
            is_there(&with_context.inner, "change_context").await,
            Ok(false)
        )
    {
        return Err(SetupRefusal::NoChangeLog.into());
    }
    Err(error)
}

/// A plain transaction with a context, made by [`tell`].
///
/// Dropping it without a commit rolls it back. A nested transaction has the same context.
pub struct ContextTransaction {
    inner: DatabaseTransaction,
    transaction_id: String,
    is_savepoint: bool,
}

impl std::fmt::Debug for ContextTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextTransaction")
            .field("transaction_id", &self.transaction_id)
            .finish_non_exhaustive()
    }
}

impl ContextTransaction {
    /// The id that all its changes carry in the log.
    pub fn transaction_id(&self) -> &str {
        &self.transaction_id
    }

    /// Commits.
    ///
    /// # Errors
    /// Errors of the database. If the connection was lost, it is not known whether it has committed.
    pub async fn commit(self) -> Result<(), DbErr> {
        // If this fails, the transaction is still open, and dropping it rolls back.
        self.clear().await?;
        self.inner.commit().await
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn rollback(self) -> Result<(), DbErr> {
        // The row goes with the transaction, but a procedure may have committed it. In a transaction that has
        // failed, this fails, too.
        let _ = self.clear().await;
        self.inner.rollback().await
    }

    async fn clear(&self) -> Result<(), DbErr> {
        match database::of(&self.inner).facts().clear_context {
            Some(clear) if !self.is_savepoint => {
                self.inner.execute_unprepared(clear).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }

    fn nested(&self, inner: DatabaseTransaction) -> Self {
        Self {
            inner,
            transaction_id: self.transaction_id.clone(),
            is_savepoint: true,
        }
    }

    /// Refuses a text that would end the transaction.
    fn check(&self, sql: &str) -> Result<(), WriteRefusal> {
        let text = SqlText::of(sql, database::of(&self.inner).syntax());
        match text
            .controls_transaction()
            .or_else(|| text.ends_transaction())
        {
            Some(verb) => Err(WriteRefusal::RawTransaction { verb }),
            None => Ok(()),
        }
    }

    async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
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
}

#[async_trait::async_trait]
impl TransactionSession for ContextTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        Self::commit(self).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        Self::rollback(self).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for ContextTransaction {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.inner)
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.check(&stmt.sql)?;
        self.inner.execute_raw(stmt).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.check(sql)?;
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.check(&stmt.sql)?;
        self.inner.query_one_raw(stmt).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.check(&stmt.sql)?;
        self.inner.query_all_raw(stmt).await
    }
}

impl StreamTrait for ContextTransaction {
    type Stream<'a> = <DatabaseTransaction as StreamTrait>::Stream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.inner)
    }

    fn stream_raw<'a>(
        &'a self,
        stmt: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            self.check(&stmt.sql)?;
            self.inner.stream_raw(stmt).await
        })
    }
}

#[async_trait::async_trait]
impl TransactionTrait for ContextTransaction {
    type Transaction = Self;

    async fn begin(&self) -> Result<Self, DbErr> {
        Ok(self.nested(self.inner.begin().await?))
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self, DbErr> {
        let inner = self.inner.begin_with_config(isolation_level, access_mode);
        Ok(self.nested(inner.await?))
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        Ok(self.nested(self.inner.begin_with_options(options).await?))
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
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
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let nested = self.begin_with_config(isolation_level, access_mode).await?;
        nested.run(callback).await
    }
}
