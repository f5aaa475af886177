//! Decides before a statement runs whether it may: whether it would change tracked rows unseen or end the
//! transaction, and whether recording its writes can be left to triggers, which then need the context.

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::statement_writes::{Write, Writes};
use super::transaction::TrackedTransaction;
use crate::database;
use crate::error::{CaptureError, WriteRefusal};
use crate::raw_sql::SqlText;

impl TrackedTransaction {
    /// The text of a statement, to be scanned for the checks here.
    pub(super) fn text<'s>(&self, sql: &'s str) -> SqlText<'s> {
        SqlText::of(sql, database::of(&self.inner).syntax())
    }

    /// Refuses a write of a tracked table without an actor, if the connection requires one.
    pub(super) fn check_actor(&self, table: &str) -> Result<(), WriteRefusal> {
        if self.scope.settings.requires_actor && !self.scope.context().has_actor() {
            let table = table.to_owned();
            return Err(WriteRefusal::NoActor { table });
        }
        Ok(())
    }

    /// Refuses SQL text before which the database would commit by itself.
    pub(super) fn check_stays(&self, text: &SqlText<'_>) -> Result<(), WriteRefusal> {
        match text.ends_transaction() {
            Some(verb) => Err(WriteRefusal::RawTransaction { verb }),
            None => Ok(()),
        }
    }

    /// Refuses what would change tracked rows unseen. If triggers see it, they get the context.
    pub(super) async fn check(&self, text: &SqlText<'_>, writes: &Writes) -> Result<(), DbErr> {
        match self.check_strictly(text, writes).await {
            Err(error) if self.scope.settings.lets_through(&error, text) => Ok(()),
            checked => checked,
        }
    }

    async fn check_strictly(&self, text: &SqlText<'_>, writes: &Writes) -> Result<(), DbErr> {
        let settings = &self.scope.settings;
        // Any other statement, such as DDL, might remove the triggers.
        let is_seen = !writes.is_raw || text.fires_triggers();
        loop {
            let captured = if is_seen {
                self.level.state(|level| level.triggers.relied_on().clone())
            } else {
                BTreeSet::new()
            };
            let in_flight = self.level.begin_in_any_condition();
            let checked = settings.check(&self.inner, text, writes, &captured).await;
            in_flight.ended();
            let Err(refusal) = checked else {
                return Ok(());
            };
            let tables = match CaptureError::of(&refusal) {
                // The database did not answer, so what is left of the transaction must be found out.
                None => {
                    self.look_after(&refusal).await;
                    return Err(refusal);
                }
                Some(CaptureError::Write(WriteRefusal::Cascade { child, .. })) => {
                    vec![child.clone()]
                }
                Some(CaptureError::Write(WriteRefusal::RawWrite { table, .. }))
                    if text.fires_triggers() =>
                {
                    let cascades = settings.cascades(&self.inner).await?;
                    let mut tables = cascades.reached_from(table, &captured);
                    if settings.tracked.is_tracked(table) {
                        tables.insert(table.clone());
                    }
                    tables.into_iter().collect()
                }
                _ => return Err(refusal),
            };
            if tables.is_empty() {
                return Err(refusal);
            }
            for table in tables {
                // Nothing records it if triggers do not capture the table, or if the statement is refused
                // although they do.
                if captured.contains(&table.to_lowercase()) || !self.relies_on(&table).await? {
                    return Err(refusal);
                }
            }
        }
    }

    /// Returns those of the writes that hooks must have announced. Where triggers write the log, they get the
    /// context first, and what no hook announced is left to them.
    pub(super) async fn for_hooks(&self, writes: Vec<Write>) -> Result<Vec<Write>, DbErr> {
        if writes.is_empty() {
            return Ok(writes);
        }
        let tables: Vec<&str> = writes.iter().map(|(table, _)| table.as_str()).collect();
        self.send_context(&tables).await?;
        let mut left = Vec::with_capacity(writes.len());
        for (table, operation) in writes {
            let is_announced = self.books(|books| books.expects(&table, operation));
            if is_announced || !self.relies_on(&table).await? {
                left.push((table, operation));
            }
        }
        Ok(left)
    }

    /// [`check`](Self::check) for raw SQL.
    pub(super) async fn check_raw(&self, sql: &str) -> Result<(), DbErr> {
        let text = self.text(sql);
        self.check(&text, &Writes::raw()).await?;
        Ok(self.check_stays(&text)?)
    }
}
