//! What a tracked connection, its transactions and their savepoints have in common.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sea_orm::{ConnectionTrait, DbErr};

use super::cascades::Cascades;
use super::statement_writes::{Write, Writes, check_raw};
use super::trigger_context::CapturedTables;
use crate::context::Context;
use crate::database;
use crate::log::Operation;
use crate::registry::Registry;

/// Called after a transaction with changes has committed.
pub(super) type OnCommit = Arc<dyn Fn() + Send + Sync>;

/// Settings of a connection, copied into its transactions.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) tracked: Registry,
    pub(super) context: Arc<Context>,
    pub(super) on_commit: Option<OnCommit>,
    /// Read when first needed; two that read it at once read the same.
    pub(super) cascades: Arc<OnceLock<Cascades>>,
    /// Which tables triggers capture.
    pub(super) captured: CapturedTables,
    /// The pool closes connections that still count an open transaction.
    pub(super) is_pool_clean: bool,
}

impl Settings {
    /// The foreign keys that matter, read through `db` if they have not been yet.
    pub(super) async fn cascades<C: ConnectionTrait>(&self, db: &C) -> Result<&Cascades, DbErr> {
        if let Some(cascades) = self.cascades.get() {
            return Ok(cascades);
        }
        let read = Cascades::read(db, self.tracked).await?;
        Ok(self.cascades.get_or_init(|| read))
    }

    /// Refuses what would change tracked rows unseen: raw SQL that names them, and statements that
    /// set off a foreign key's action; but for the tables that triggers are known to capture.
    pub(super) async fn check<C: ConnectionTrait>(
        &self,
        db: &C,
        sql: &str,
        writes: &Writes,
        captured: &BTreeSet<String>,
    ) -> Result<(), DbErr> {
        if writes.is_raw {
            return self.check_raw(db, sql, captured).await;
        }
        let acts = |(_, operation): &&Write| *operation != Operation::Insert;
        for (table, operation) in writes.all.iter().filter(acts) {
            let cascades = self.cascades(db).await?;
            cascades.check(table, *operation, sql, captured)?;
        }
        Ok(())
    }

    /// [`check`](Self::check) for raw SQL.
    pub(super) async fn check_raw<C: ConnectionTrait>(
        &self,
        db: &C,
        sql: &str,
        captured: &BTreeSet<String>,
    ) -> Result<(), DbErr> {
        database::check(db.get_database_backend())?;
        let cascades = self.cascades(db).await?;
        Ok(check_raw(
            sql,
            database::of(db).syntax(),
            self.tracked,
            cascades,
            captured,
        )?)
    }
}

/// One transaction, savepoints included.
pub(super) struct Scope {
    pub(super) settings: Settings,
    /// That of the settings, but for the length of a part that has its own.
    context: Mutex<Arc<Context>>,
    /// The same for all changes committed together.
    pub(super) transaction_id: String,
    recorded: AtomicBool,
    /// Statements on tracked tables, so far.
    writes: AtomicUsize,
    /// Savepoints of bulk calls, so far.
    parts: AtomicUsize,
    /// The database has ended it, or its owner while a savepoint of it was open.
    pub(super) ended: AtomicBool,
    /// The transaction and those of its savepoints that the driver counts as open.
    levels: AtomicUsize,
    /// Statements sent whose answers have not come. One that is left when the transaction ends was
    /// cut off, and the driver may then take its late answer for the next statement's.
    pub(super) in_flight: AtomicUsize,
    /// Its waits for locks are bounded more tightly than its connection's.
    pub(super) has_lock_limit: AtomicBool,
}

impl Scope {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            context: Mutex::new(Arc::clone(&settings.context)),
            settings,
            transaction_id: uuid::Uuid::now_v7().to_string(),
            recorded: AtomicBool::new(false),
            writes: AtomicUsize::new(0),
            parts: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            levels: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            has_lock_limit: AtomicBool::new(false),
        })
    }

    /// How many levels the driver counts as open.
    pub(super) fn levels(&self) -> usize {
        self.levels.load(Ordering::Relaxed)
    }

    /// On whose behalf it writes now.
    pub(super) fn context(&self) -> Arc<Context> {
        // A reference is stored whole or not at all.
        Arc::clone(&self.context.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes on another's behalf from now on; on whose it did until now.
    pub(super) fn change_context(&self, context: Arc<Context>) -> Arc<Context> {
        let mut current = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, context)
    }

    /// A tracked table is about to be written.
    pub(super) fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that no other part of the transaction has.
    pub(super) fn next_part(&self) -> usize {
        self.parts.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// A change was written to the log; a savepoint may still take it back.
    pub(super) fn mark_recorded(&self) {
        self.recorded.store(true, Ordering::Relaxed);
    }

    /// The transaction has committed: wakes whoever reads the log. One time too many after a
    /// savepoint was rolled back does no harm.
    pub(super) fn committed(&self) {
        if self.recorded.load(Ordering::Relaxed)
            && let Some(on_commit) = &self.settings.on_commit
        {
            on_commit();
        }
    }
}

/// One level of a transaction, for as long as it is open: the transaction itself or a savepoint.
pub(super) struct Level {
    scope: Arc<Scope>,
    number: usize,
}

impl Level {
    pub(super) fn new(scope: &Arc<Scope>) -> Self {
        Self {
            number: scope.levels.fetch_add(1, Ordering::Relaxed) + 1,
            scope: Arc::clone(scope),
        }
    }

    /// Whether a savepoint within it is open. The driver would take an end of this level for its end.
    pub(super) fn has_open_savepoint(&self) -> bool {
        self.scope.levels() > self.number
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        if self.has_open_savepoint() {
            // What is left is out of step with the driver's count, and must not commit.
            self.scope.ended.store(true, Ordering::Relaxed);
        }
        self.scope.levels.fetch_sub(1, Ordering::Relaxed);
    }
}
