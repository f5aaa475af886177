//! The connection, which begins tracked transactions. What it does with statements outside of them is in
//! `outside_transaction`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbErr, IsolationLevel, TransactionError,
    TransactionOptions, TransactionTrait,
};

use super::captured_tables::CapturedTables;
use super::scope::Scope;
use super::settings::Settings;
use super::transaction::TrackedTransaction;
use crate::context::Context;
use crate::database::{self, Begin};
use crate::registry::Registry;

/// A SeaORM connection whose tracked tables change only together with the change log.
///
/// Cheap to clone. Outside a transaction a tracked table can be read. It can be written there only if triggers record
/// it; each statement is then a transaction of its own, in the connection's context.
#[derive(Clone)]
pub struct TrackedConnection {
    pub(super) writer: DatabaseConnection,
    /// On SQLite this is a separate pool, so that a slow writer does not make readers wait.
    pub(super) reader: DatabaseConnection,
    pub(super) settings: Settings,
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
                escapes: None,
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
    /// [`WriteRefusal::NoActor`](crate::WriteRefusal::NoActor). So a request for which nobody has called
    /// [`with_context`](Self::with_context) fails, and is not recorded as nobody's.
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

    /// For staging: lets statements through that this connection would refuse because they would not be recorded, and
    /// reports each place once as a warning of `tracing`, with the cure. So the places are found where an application
    /// does not fit yet, before it is run with refusals.
    ///
    /// What is let through **is not in the log**; `verify` finds the rows. Refused as ever is what would make the log
    /// itself wrong: the end of a transaction by raw SQL, and the commit of a transaction in which a change was
    /// executed and its hook not finished. Writes that are recorded otherwise stay so.
    pub fn warning_of_escapes(mut self) -> Self {
        self.settings.escapes = Some(Arc::default());
        self
    }

    /// The number of statements that were let through by this connection and its clones since
    /// [`warning_of_escapes`](Self::warning_of_escapes), repeated ones included.
    pub fn escapes(&self) -> u64 {
        let escapes = self.settings.escapes.as_ref();
        escapes.map_or(0, |escapes| escapes.count())
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

    /// Checks that the database answers, on each pool.
    ///
    /// # Errors
    /// An error of the database or of a pool.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.writer.ping().await?;
        self.reader.ping().await
    }

    /// Closes both pools, for all clones of this connection: waits for the transactions that are open, and refuses
    /// new ones.
    ///
    /// # Errors
    /// An error of a pool.
    pub async fn close(self) -> Result<(), DbErr> {
        self.close_by_ref().await
    }

    /// [`close`](Self::close) by reference.
    ///
    /// # Errors
    /// An error of a pool.
    pub async fn close_by_ref(&self) -> Result<(), DbErr> {
        // A pool that is closed already, because both are one, is closed again without effect.
        self.writer.close_by_ref().await?;
        self.reader.close_by_ref().await
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
