//! Writes of tables that triggers capture: the triggers get the context first, and the transaction makes sure of
//! who writes the log before it relies on them.
//!
//! A change that was recorded without its context is refused.

use sea_orm::{ConnectionTrait, DbErr};

use super::state::State;
use super::transaction::TrackedTransaction;
use crate::database::{self, Cause};
use crate::error::SetupRefusal;

impl TrackedTransaction {
    /// Sends the context if triggers are believed to capture one of the tables, which are about to be written.
    pub(super) async fn send_context(&self, tables: &[&str]) -> Result<(), DbErr> {
        let sent = self.answer(self.send_context_for(tables)).await;
        sent.map_err(with_cure)
    }

    async fn send_context_for(&self, tables: &[&str]) -> Result<(), DbErr> {
        let captured = self.scope.settings.captured.tables(&self.inner).await?;
        for table in tables {
            let table = table.to_lowercase();
            if captured.contains(&table) {
                self.send().await?;
                self.level.state(|level| level.triggers.note_written(table));
            }
        }
        Ok(())
    }

    /// Whether the triggers of the table had the context when it was written.
    pub(super) fn was_context_known_to(&self, table: &str) -> bool {
        let table = table.to_lowercase();
        self.level
            .state(|level| level.triggers.was_known_to(&table))
    }

    /// Whether triggers that had the context have recorded the write of a table that is theirs.
    ///
    /// A snapshot may be older than a switch back to hooks, and then says that triggers write where none exist
    /// any more. So it is asked what they have written.
    pub(super) async fn have_triggers_recorded(&self, table: &str) -> Result<bool, DbErr> {
        if !self.was_context_known_to(table) {
            return Ok(false);
        }
        if !self.sees_snapshot() {
            return Ok(true);
        }
        let dialect = database::of(&self.inner);
        self.answer(dialect.have_triggers_recorded(&self.inner, table))
            .await
    }

    /// Whether triggers capture the table for as long as this level lasts. Asks the database, makes a switch
    /// wait, and sends the triggers the context.
    pub(super) async fn relies_on(&self, table: &str) -> Result<bool, DbErr> {
        // Before a question to the database: an error in its answer would be taken for the database's.
        self.check_actor(table)?;
        let certain = self.answer(self.make_certain(table.to_lowercase())).await;
        certain.map_err(with_cure)
    }

    async fn make_certain(&self, table: String) -> Result<bool, DbErr> {
        let db = &self.inner;
        if self
            .level
            .state(|level| level.triggers.relied_on().contains(&table))
        {
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
            // A switch waits for this lock. The question is asked again once it is held.
            db.execute_unprepared(&lock).await?;
            let Some(locked) = db.query_one_raw(ask()).await? else {
                return Ok(false);
            };
            row = locked;
        }
        if row.try_get::<String>("", "writer")? != "trigger" {
            return Ok(false);
        }
        if !dialect.are_triggers_in_force(db, &entity).await? {
            return Err(SetupRefusal::TriggersGone { table: entity }.into());
        }
        self.send().await?;
        if self.sees_snapshot() {
            // What the snapshot says may be over. If it is, this fails, and the transaction is tried again.
            dialect.keep_writer(db, &table).await?;
        }
        self.level.state(|level| level.triggers.rely_on(table));
        Ok(true)
    }

    fn sees_snapshot(&self) -> bool {
        self.level.state(|level| level.triggers.sees_snapshot())
    }

    /// Sends the context, if the database does not have it.
    async fn send(&self) -> Result<(), DbErr> {
        if self.level.state(|level| level.triggers.is_sent()) {
            return Ok(());
        }
        let texts = self.scope.context().texts(&self.scope.transaction_id);
        let dialect = database::of(&self.inner);
        let sees_snapshot = dialect.send_context(&self.inner, texts).await?;
        self.level
            .state(|level| level.triggers.set_sent(sees_snapshot));
        // No hook reports what triggers record.
        self.scope.state(State::set_recorded);
        Ok(())
    }

    /// Removes the context from the database before the transaction commits.
    pub(super) async fn clear_context(&self) -> Result<(), DbErr> {
        if self.is_savepoint || !self.level.state(|level| level.triggers.is_stored()) {
            return Ok(());
        }
        match database::of(&self.inner).facts().clear_context {
            Some(clear) => {
                let cleared = self.inner.execute_unprepared(clear);
                self.answer(cleared).await.map(|_| ())
            }
            None => Ok(()),
        }
    }
}

/// The table that is missing is one of the log's: that of the write was not asked for here.
fn with_cure(error: DbErr) -> DbErr {
    match database::cause(&error) {
        Some(Cause::NoTable) => SetupRefusal::NoChangeLog.into(),
        _ => error,
    }
}
