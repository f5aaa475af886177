//! Statements on many rows, which are announced with their number of rows and recorded row by row.
//!
//! A hook's statement comes from SeaORM, but a bulk call brings its statement along. So announcing it, counting
//! it as executed and running it are one step, and no other statement can take its place. The books then owe
//! one record for each row that it wrote.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use super::log_insert::RowChange;
use super::state::State;
use super::statement_writes::Writes;
use super::transaction::TrackedTransaction;
use crate::binding::make_bindable;
use crate::error::{CaptureError, Retry};
use crate::log::Operation;

/// A statement on rows of one tracked table.
pub(crate) struct RowsStatement {
    pub(crate) table: &'static str,
    pub(crate) operation: Operation,
    pub(crate) statement: Statement,
    /// The number of rows that it writes at most.
    pub(crate) rows: usize,
    pub(crate) answer: Answer,
}

/// What a statement's result has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The number of rows that it wrote, which must be all.
    Count,
    /// The rows that it wrote, which must be all.
    Rows,
    /// The rows that it wrote, which may be fewer.
    SomeRows,
}

impl TrackedTransaction {
    /// Runs the statement and returns the rows of its result. Each row that it wrote must then be recorded by
    /// [`record_rows`](Self::record_rows); otherwise the transaction does not commit.
    ///
    /// # Errors
    /// An error of the database; [`Retry::Raced`] if fewer rows were there than must be.
    pub(crate) async fn write_rows(&self, write: RowsStatement) -> Result<Vec<QueryResult>, DbErr> {
        let RowsStatement {
            table,
            operation,
            statement,
            rows,
            answer,
        } = write;
        self.scope.settings.tracked.check_hidden(table)?;
        self.check_actor(table)?;
        let writes = vec![(table.to_owned(), operation)];
        let writes = Writes {
            all: writes.clone(),
            tracked: writes,
            is_raw: false,
        };
        self.check(&self.text(&statement.sql), &writes).await?;
        self.send_context(&[table]).await?;
        let statement = make_bindable(statement);
        self.check_size(&statement).await?;
        self.scope.state(State::count_write);
        self.books(|books| books.owe(table, operation, rows));
        let ran = match answer {
            Answer::Count => {
                let ran = self.answer(self.inner.execute_raw(statement)).await;
                ran.map(|ran| (ran.rows_affected(), Vec::new()))
            }
            Answer::Rows | Answer::SomeRows => {
                let ran = self.answer(self.inner.query_all_raw(statement)).await;
                ran.map(|found| (found.len() as u64, found))
            }
        };
        let touched = ran.as_ref().map_or(0, |(touched, _)| *touched);
        let untouched = rows.saturating_sub(usize::try_from(touched).unwrap_or(usize::MAX));
        self.books(|books| books.pay(table, operation, untouched));
        let (_, found) = ran?;
        if touched > rows as u64 || untouched > 0 && answer != Answer::SomeRows {
            let table = table.to_owned();
            return Err(Retry::Raced { table }.into());
        }
        Ok(found)
    }

    /// Records what statements made of rows, with one entry for each row that was written. A row that did not
    /// change goes into the books only.
    ///
    /// # Errors
    /// [`CaptureError::Log`]; the transaction will then not commit.
    pub(crate) async fn record_rows(
        &self,
        table: &str,
        operation: Operation,
        rows: Vec<RowChange>,
    ) -> Result<(), CaptureError> {
        let touched = rows.len();
        self.append(table, operation, rows).await?;
        self.books(|books| books.pay(table, operation, touched));
        Ok(())
    }

    /// The number of statements on tracked tables that the transaction has run. It shows whether a custom hook
    /// has written.
    pub(crate) fn writes(&self) -> usize {
        self.scope.state(|state| state.writes())
    }
}
