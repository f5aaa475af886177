//! What a transaction does for tables that triggers capture: sends them the context, and makes sure
//! of who writes before it relies on triggers.
//!
//! Which tables these are is a hint that a connection keeps. It only decides whether the context is
//! sent in time. Hooks and triggers each look for themselves in the statement that writes the log, so
//! a stale hint loses nothing; and a change that was recorded without its context is refused.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sea_orm::{ConnectionTrait, DbErr};

use super::shared::Scope;
use crate::database::{self, ContextTexts};
use crate::error::CaptureError;
use crate::triggers::captured_tables;

/// The tables that triggers capture, as last read. Shared by a connection's transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturedTables(Arc<RwLock<Option<Arc<BTreeSet<String>>>>>);

impl CapturedTables {
    /// The tables, in lower case; read through `db` if they have not been.
    async fn tables<C: ConnectionTrait>(&self, db: &C) -> Result<Arc<BTreeSet<String>>, DbErr> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let tables = Arc::new(captured_tables(db).await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tables));
        Ok(tables)
    }

    /// It was wrong: to be read again.
    pub(super) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What one level of a transaction has done. A savepoint begins with what its parent has done, and
/// hands what it did to the parent only when it is released: rolled back, the database forgets it
/// too.
#[derive(Debug, Default)]
pub(super) struct TriggerContext {
    /// The triggers know the context.
    is_sent: AtomicBool,
    /// They have been told one, perhaps another: it is to be taken back in the end.
    leaves_context: AtomicBool,
    /// PostgreSQL: the transaction sees the database as it was at its first statement.
    sees_snapshot: AtomicBool,
    /// Tables written after the triggers knew it.
    written: Mutex<BTreeSet<String>>,
    /// Tables that triggers capture until the end of this level.
    certain: Mutex<BTreeSet<String>>,
    parent: Option<Arc<TriggerContext>>,
}

fn with<T>(set: &Mutex<BTreeSet<String>>, act: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
    act(&mut set.lock().unwrap_or_else(PoisonError::into_inner))
}

impl TriggerContext {
    /// Of a savepoint.
    pub(super) fn nested(parent: &Arc<Self>) -> Self {
        Self {
            is_sent: AtomicBool::new(parent.is_sent.load(Ordering::Relaxed)),
            leaves_context: AtomicBool::new(false),
            sees_snapshot: AtomicBool::new(parent.sees_snapshot.load(Ordering::Relaxed)),
            written: Mutex::new(with(&parent.written, |set| set.clone())),
            certain: Mutex::new(with(&parent.certain, |set| set.clone())),
            parent: Some(Arc::clone(parent)),
        }
    }

    /// The savepoint was released.
    pub(super) fn released(&self) {
        let Some(parent) = &self.parent else {
            return;
        };
        if self.leaves_context.load(Ordering::Relaxed) {
            parent.leaves_context.store(true, Ordering::Relaxed);
            parent.is_sent.store(self.is_sent(), Ordering::Relaxed);
            let sees_snapshot = self.sees_snapshot.load(Ordering::Relaxed);
            parent.sees_snapshot.store(sees_snapshot, Ordering::Relaxed);
        }
        with(&parent.written, |set| {
            set.extend(with(&self.written, |own| own.clone()))
        });
    }

    /// Sends the context if triggers are believed to capture one of the tables.
    pub(super) async fn before_write<C: ConnectionTrait>(
        &self,
        db: &C,
        scope: &Scope,
        tables: &[&str],
    ) -> Result<(), DbErr> {
        let captured = scope.settings.captured.tables(db).await?;
        for table in tables {
            let table = table.to_lowercase();
            if captured.contains(&table) {
                self.send(db, scope).await?;
                with(&self.written, |set| set.insert(table));
            }
        }
        Ok(())
    }

    /// Whether the triggers of the table knew the context when it was written.
    pub(super) fn knew_context(&self, table: &str) -> bool {
        with(&self.written, |set| set.contains(&table.to_lowercase()))
    }

    /// Whether triggers that knew the context have recorded the write of a table that is theirs.
    ///
    /// A snapshot may be older than a switch back to hooks, and then says that triggers write where
    /// there are none any more: it is asked what they have written.
    pub(super) async fn confirm<C: ConnectionTrait>(
        &self,
        db: &C,
        table: &str,
    ) -> Result<bool, DbErr> {
        if !self.knew_context(table) {
            return Ok(false);
        }
        if !self.sees_snapshot.load(Ordering::Relaxed) {
            return Ok(true);
        }
        database::of(db).have_triggers_recorded(db, table).await
    }

    /// Whether triggers capture the table, for as long as this level lasts: asks the database, and
    /// holds up a switch. Sends them the context.
    pub(super) async fn relies_on<C: ConnectionTrait>(
        &self,
        db: &C,
        scope: &Scope,
        table: &str,
    ) -> Result<bool, DbErr> {
        let table = table.to_lowercase();
        if with(&self.certain, |set| set.contains(&table)) {
            return Ok(true);
        }
        let dialect = database::of(db);
        let sql = format!(
            "SELECT entity, writer FROM change_capture WHERE lower(entity) = ?{}",
            dialect.facts().share_lock
        );
        let ask = || dialect.statement(&sql, vec![table.as_str().into()]);
        let Some(mut row) = db.query_one_raw(ask()).await? else {
            return Ok(false);
        };
        let entity: String = row.try_get("", "entity")?;
        if let Some(lock) = dialect.write_lock(&entity) {
            // For it a switch waits; asked again under the lock.
            db.execute_unprepared(&lock).await?;
            let Some(again) = db.query_one_raw(ask()).await? else {
                return Ok(false);
            };
            row = again;
        }
        if row.try_get::<String>("", "writer")? != "trigger" {
            return Ok(false);
        }
        if !dialect.are_triggers_in_force(db, &entity).await? {
            return Err(CaptureError::TriggersGone { table: entity }.into());
        }
        self.send(db, scope).await?;
        if self.sees_snapshot.load(Ordering::Relaxed) {
            // What the snapshot says may be over. Fails if it is, and the transaction is tried again.
            dialect.keep_writer(db, &table).await?;
        }
        with(&self.written, |set| set.insert(table.clone()));
        with(&self.certain, |set| set.insert(table));
        Ok(true)
    }

    /// The tables that triggers capture are others, as of now: see [`set_sent`](Self::set_sent).
    pub(super) fn set_certain(&self, tables: BTreeSet<String>) {
        with(&self.certain, |set| *set = tables);
    }

    /// The tables that [`relies_on`](Self::relies_on) has been told of.
    pub(super) fn certain(&self) -> BTreeSet<String> {
        with(&self.certain, |set| set.clone())
    }

    /// Whether the triggers know the context.
    pub(super) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }

    /// Whether the triggers know the context, as of now: it is another one, or the database has gone
    /// back to before it was sent.
    pub(super) fn set_sent(&self, is_sent: bool) {
        self.is_sent.store(is_sent, Ordering::Relaxed);
    }

    async fn send<C: ConnectionTrait>(&self, db: &C, scope: &Scope) -> Result<(), DbErr> {
        if self.is_sent.load(Ordering::Relaxed) {
            return Ok(());
        }
        let context = scope.context();
        let metadata = context.metadata.clone().map(serde_json::Value::Object);
        let texts = ContextTexts {
            actor: context.actor.clone(),
            mutation_id: context.mutation_id.clone(),
            metadata: metadata.map(|metadata| metadata.to_string()),
            transaction_id: scope.transaction_id.clone(),
        };
        let sees_snapshot = database::of(db).send_context(db, texts).await?;
        self.sees_snapshot.store(sees_snapshot, Ordering::Relaxed);
        self.is_sent.store(true, Ordering::Relaxed);
        self.leaves_context.store(true, Ordering::Relaxed);
        // What triggers record, no hook tells of.
        scope.mark_recorded();
        Ok(())
    }

    /// Takes the context back before the transaction commits.
    pub(super) async fn clear<C: ConnectionTrait>(&self, db: &C) -> Result<(), DbErr> {
        if self.parent.is_some() || !self.leaves_context.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(clear) = database::of(db).facts().clear_context {
            db.execute_unprepared(clear).await?;
        }
        Ok(())
    }
}
