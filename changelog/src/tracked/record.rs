//! Takes what hooks report, and writes the changes to the log.

use sea_orm::{ConnectionTrait, DbErr};

use super::ledger::Settlement;
use super::log_insert::{Origin, RowChange, insertions, most_bytes};
use super::state::State;
use super::transaction::TrackedTransaction;
use crate::capture::protocol::{Message, Step};
use crate::database::{self, Writer, Written};
use crate::error::{CaptureError, Retry, SetupRefusal, WriteRefusal};
use crate::image::Image;
use crate::log::{Operation, Source, left_to_triggers};

impl TrackedTransaction {
    pub(super) async fn receive(&self, message: Message) -> Result<(), DbErr> {
        let Message {
            table,
            operation,
            step,
        } = message;
        self.scope.settings.tracked.check_hidden(&table)?;
        match step {
            Step::Announce { key, before } => {
                self.check_actor(&table)?;
                self.books(|books| books.announce(table, operation, key, before));
                Ok(())
            }
            Step::Unchanged { key } => {
                self.books(|books| books.unchanged(table, operation, key));
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
            .books(|books| books.record(&table, operation, &key))
            .map_err(|_| WriteRefusal::Unrecorded {
                table: table.clone(),
                operation,
            })?;
        let before = match settlement {
            Settlement::Untouched => return Ok(()),
            Settlement::Raced => return Err(Retry::Raced { table }.into()),
            Settlement::Changed(before) => before,
        };
        let change = RowChange { key, before, after };
        self.append(&table, operation, vec![change]).await?;
        self.books(|books| books.settle(&table, operation));
        Ok(())
    }

    /// Adds changes of a table to the log, except for those that changed nothing.
    pub(super) async fn append(
        &self,
        table: &str,
        operation: Operation,
        changes: Vec<RowChange>,
    ) -> Result<(), CaptureError> {
        let failed = |source| CaptureError::Log {
            table: table.to_owned(),
            source,
        };
        let dialect = database::of(&self.inner);
        // The statement for a single row asks by itself who writes the log. For many rows it pays to ask once.
        // Where triggers are believed to write, they must prove that they do.
        let version = if changes.len() > 1 || self.was_context_known_to(table) {
            let written = Written {
                table,
                operation: operation.as_str(),
                transaction_id: &self.scope.transaction_id,
            };
            let asked = dialect.writer(&self.inner, &written);
            match self.answer(asked).await.map_err(failed)? {
                Writer::Hooks(version) => Some(version),
                Writer::Triggers { in_force } => {
                    return self.recorded_by_triggers(table, in_force).await;
                }
            }
        } else {
            None
        };
        let settings = &self.scope.settings;
        let context = self.scope.context();
        let most = most_bytes(&self.inner, &changes);
        let origin = Origin {
            most: self.answer(most).await.map_err(failed)?,
            context: &context,
            transaction_id: &self.scope.transaction_id,
            source: Source::Hook,
            hidden: settings.tracked.hidden(table),
        };
        for insertion in insertions(origin, table, operation, changes, version, dialect) {
            let written = self.answer(self.inner.execute_raw(insertion?)).await;
            let is_written = match written {
                Ok(written) => written.rows_affected() > 0,
                Err(error) if left_to_triggers(&error) => false,
                Err(error) => return Err(failed(error)),
            };
            if !is_written {
                // The triggers did not have the context; otherwise the question would have been asked above.
                return Err(self.switched(table).into());
            }
            self.scope.state(State::set_recorded);
        }
        Ok(())
    }

    /// Triggers write the log of the table: makes sure that they have recorded the write, in this context.
    async fn recorded_by_triggers(&self, table: &str, in_force: bool) -> Result<(), CaptureError> {
        let is_recorded =
            self.have_triggers_recorded(table)
                .await
                .map_err(|source| CaptureError::Log {
                    table: table.to_owned(),
                    source,
                })?;
        if !in_force {
            let table = table.to_owned();
            return Err(SetupRefusal::TriggersGone { table }.into());
        }
        if is_recorded {
            self.scope.state(State::set_recorded);
            return Ok(());
        }
        Err(self.switched(table).into())
    }

    /// The error for a table about which the connection's hint was wrong. The hint is read again.
    fn switched(&self, table: &str) -> Retry {
        self.scope.settings.captured.forget();
        let table = table.to_owned();
        Retry::Switched { table }
    }
}
