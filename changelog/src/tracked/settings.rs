//! The settings of a tracked connection, which its transactions copy.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sea_orm::{ConnectionTrait, DbErr};

use super::captured_tables::CapturedTables;
use super::cascades::Cascades;
use super::escapes::Escapes;
use super::statement_writes::{Write, Writes, check_raw};
use crate::context::Context;
use crate::database;
use crate::error::CaptureError;
use crate::log::Operation;
use crate::raw_sql::SqlText;
use crate::registry::Registry;

/// Called after a transaction with changes has committed.
pub(super) type OnCommit = Arc<dyn Fn() + Send + Sync>;

/// Settings of a connection, copied into its transactions.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) tracked: Registry,
    pub(super) context: Arc<Context>,
    pub(super) on_commit: Option<OnCommit>,
    /// Read when first needed. Two that read it at the same time read the same.
    pub(super) cascades: Arc<OnceLock<Cascades>>,
    pub(super) captured: CapturedTables,
    /// What was let through, if the connection only warns.
    pub(super) escapes: Option<Arc<Escapes>>,
    /// The pool closes connections that still count an open transaction.
    pub(super) is_pool_clean: bool,
    /// A write of a tracked table whose context has no actor is refused.
    pub(super) requires_actor: bool,
}

impl Settings {
    /// The foreign keys that matter; they are read through `db` if that has not been done.
    pub(super) async fn cascades<C: ConnectionTrait>(&self, db: &C) -> Result<&Cascades, DbErr> {
        if let Some(cascades) = self.cascades.get() {
            return Ok(cascades);
        }
        let read = Cascades::read(db, self.tracked).await?;
        Ok(self.cascades.get_or_init(|| read))
    }

    /// Whether a refused statement runs nevertheless, with a warning.
    pub(super) fn lets_through(&self, error: &DbErr, text: &SqlText<'_>) -> bool {
        match (&self.escapes, CaptureError::of(error)) {
            (Some(escapes), Some(CaptureError::Write(refusal))) => {
                escapes.lets_through(refusal, text)
            }
            _ => false,
        }
    }

    /// Refuses what would change tracked rows unseen: raw SQL that names them, and statements that set off a
    /// foreign key's action. Tables that triggers are known to capture are excepted.
    pub(super) async fn check<C: ConnectionTrait>(
        &self,
        db: &C,
        text: &SqlText<'_>,
        writes: &Writes,
        captured: &BTreeSet<String>,
    ) -> Result<(), DbErr> {
        if writes.is_raw {
            return self.check_raw(db, text, captured).await;
        }
        let acts = |(_, operation): &&Write| *operation != Operation::Insert;
        for (table, operation) in writes.all.iter().filter(acts) {
            let cascades = self.cascades(db).await?;
            cascades.check(table, *operation, text, captured)?;
        }
        Ok(())
    }

    /// [`check`](Self::check) for raw SQL.
    pub(super) async fn check_raw<C: ConnectionTrait>(
        &self,
        db: &C,
        text: &SqlText<'_>,
        captured: &BTreeSet<String>,
    ) -> Result<(), DbErr> {
        database::check(db.get_database_backend())?;
        let cascades = self.cascades(db).await?;
        Ok(check_raw(text, self.tracked, cascades, captured)?)
    }
}
