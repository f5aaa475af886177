//! The connection, which begins tracked transactions. Outside of them it reads, and writes untracked tables.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StatementBuilder, StreamTrait, TransactionError, TransactionOptions,
    TransactionTrait,
};

use super::captured_tables::CapturedTables;
use super::scope::Scope;
use super::settings::Settings;
use super::statement_writes::writes_of;
use super::transaction::TrackedTransaction;
use crate::binding::make_bindable;
use crate::capture::protocol::Message;
use crate::context::Context;
use crate::database::{self, Begin};
use crate::error::WriteRefusal;
use crate::raw_sql::SqlText;
use crate::registry::Registry;

/// A SeaORM connection whose tracked tables change only together with the change log.
///
/// Cheap to clone. Outside a transaction a tracked table can be read, not written.
#[derive(Clone)]
pub struct TrackedConnection {
    writer: DatabaseConnection,
    /// On SQLite this is a separate pool, so that a slow writer does not make readers wait.
    reader: DatabaseConnection,
    settings: Settings,
}

impl std::fmt::Debug for TrackedConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackedConnection")
            .field("context", &self.settings.context)
            .finish_non_exhaustive()
    }
}

impl TrackedConnection {
    /// Tracks every entity with a `track!` line on this database.
    pub fn new(connection: DatabaseConnection) -> Self {
        Self {
            reader: connection.clone(),
            writer: connection,
            settings: Settings {
                tracked: Registry::linked(),
                context: Arc::default(),
                on_commit: None,
                cascades: Arc::default(),
                captured: CapturedTables::default(),
                is_pool_clean: false,
                requires_actor: false,
            },
        }
    }

    /// The connection's pool was made with [`closing_unclean`](crate::closing_unclean). Transactions on SQLite
    /// then take one statement fewer; otherwise each of them proves that it has ended.
    pub fn with_clean_pool(mut self) -> Self {
        self.settings.is_pool_clean = true;
        self
    }

    /// Refuses each write of a tracked table whose [`Context`] has no actor, or an empty one, with
    /// [`WriteRefusal::NoActor`]. So a request for which nobody has called [`with_context`](Self::with_context)
    /// fails, and is not recorded as nobody's.
    ///
    /// ```
    /// # use seachange_changelog::{Context, TrackedConnection};
    /// # fn example(db: sea_orm::DatabaseConnection) {
    /// let db = TrackedConnection::new(db).requiring_actor();
    /// // For each request:
    /// let db = db.with_context(Context::actor("alice"));
    /// # let _ = db;
    /// # }
    /// ```
    #[must_use]
    pub fn requiring_actor(mut self) -> Self {
        self.settings.requires_actor = true;
        self
    }

    /// Reads outside transactions through `reader` instead: another pool on the same database.
    pub fn with_reader(mut self, reader: DatabaseConnection) -> Self {
        self.reader = reader;
        self
    }

    /// The same connection with another context. Transactions that were begun before keep theirs.
    pub fn with_context(&self, context: Context) -> Self {
        let mut connection = self.clone();
        connection.settings.context = Arc::new(context);
        connection
    }

    /// Calls `on_commit` after each commit of a transaction that recorded changes. It must not
    /// block.
    pub fn with_on_commit(mut self, on_commit: impl Fn() + Send + Sync + 'static) -> Self {
        self.settings.on_commit = Some(Arc::new(on_commit));
        self
    }

    /// The context of changes that are written through this connection.
    pub fn context(&self) -> &Context {
        &self.settings.context
    }

    /// The connection that reads go through. Writes through it are not recorded.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The connection that writes go through, without tracking. It is for migrations. Writes of tracked rows through
    /// it are refused by the hooks, and are not noticed where no hook runs.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    async fn admit<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<(Statement, Access), DbErr> {
        let built = statement.build(&ConnectionTrait::get_database_backend(&self.writer));
        if let Some(message) = Message::of(&built) {
            let Message {
                table, operation, ..
            } = message?;
            return Err(WriteRefusal::OutsideTransaction { table, operation }.into());
        }
        let text = self.text(&built.sql);
        let writes = writes_of(statement, &text, self.settings.tracked);
        self.settings
            .check(&self.reader, &text, &writes, &BTreeSet::new())
            .await?;
        if let Some((table, operation)) = writes.tracked.into_iter().next() {
            return Err(WriteRefusal::OutsideTransaction { table, operation }.into());
        }
        let access = Access::of(&text);
        Ok((make_bindable(built), access))
    }

    fn text<'s>(&self, sql: &'s str) -> SqlText<'s> {
        SqlText::of(sql, database::of(&self.writer).syntax())
    }

    /// Refuses SQL text that may write a tracked table, and returns how it uses the database.
    async fn admit_raw(&self, sql: &str) -> Result<Access, DbErr> {
        let (text, none) = (self.text(sql), BTreeSet::new());
        self.settings.check_raw(&self.reader, &text, &none).await?;
        Ok(Access::of(&text))
    }

    fn pool(&self, access: Access) -> &DatabaseConnection {
        match access {
            Access::Read => &self.reader,
            Access::Write => &self.writer,
        }
    }

    async fn open(&self, options: TransactionOptions) -> Result<TrackedTransaction, DbErr> {
        database::check(ConnectionTrait::get_database_backend(&self.writer))?;
        let dialect = database::of(&self.writer);
        let reads_only = options.access_mode == Some(AccessMode::ReadOnly);
        let mut options = dialect.options(options);
        if !reads_only && options.sqlite_transaction_mode.is_none() {
            options.sqlite_transaction_mode = dialect.begin(Begin::Write).sqlite_transaction_mode;
        }
        let pool = if reads_only {
            &self.reader
        } else {
            &self.writer
        };
        let inner = pool.begin_with_options(options).await?;
        Ok(TrackedTransaction::new(
            inner,
            Scope::new(self.settings.clone()),
        ))
    }
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn of(text: &SqlText<'_>) -> Self {
        if text.begins_as_query() {
            Self::Read
        } else {
            Self::Write
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TrackedConnection {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.writer)
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.admit_raw(&stmt.sql).await?;
        self.writer.execute_raw(stmt).await
    }

    async fn execute<S: StatementBuilder>(&self, stmt: &S) -> Result<ExecResult, DbErr> {
        let (built, _) = self.admit(stmt).await?;
        self.writer.execute_raw(built).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.admit_raw(sql).await?;
        self.writer.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        let access = self.admit_raw(&stmt.sql).await?;
        self.pool(access).query_one_raw(stmt).await
    }

    async fn query_one<S: StatementBuilder>(&self, stmt: &S) -> Result<Option<QueryResult>, DbErr> {
        let (built, access) = self.admit(stmt).await?;
        self.pool(access).query_one_raw(built).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let access = self.admit_raw(&stmt.sql).await?;
        self.pool(access).query_all_raw(stmt).await
    }

    async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
        let (built, access) = self.admit(stmt).await?;
        self.pool(access).query_all_raw(built).await
    }
}

impl StreamTrait for TrackedConnection {
    type Stream<'a> = <DatabaseConnection as StreamTrait>::Stream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(self)
    }

    fn stream_raw<'a>(
        &'a self,
        stmt: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let access = self.admit_raw(&stmt.sql).await?;
            self.pool(access).stream_raw(stmt).await
        })
    }
}

#[async_trait::async_trait]
impl TransactionTrait for TrackedConnection {
    type Transaction = TrackedTransaction;

    async fn begin(&self) -> Result<TrackedTransaction, DbErr> {
        self.open(TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TrackedTransaction, DbErr> {
        self.open(TransactionOptions {
            isolation_level,
            access_mode,
            sqlite_transaction_mode: None,
        })
        .await
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<TrackedTransaction, DbErr> {
        self.open(options).await
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
