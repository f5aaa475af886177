//! Statements on a connection outside a transaction: they read, and write tables that are not tracked.
//!
//! A statement on a table that triggers capture runs in a transaction of its own. There it is judged as in any other
//! transaction: the context is sent, and who writes the log is asked under a lock that makes a switch of capture wait.
//! What the connection knows of captured tables is a hint, which only decides whether that is tried.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder, StreamTrait, TransactionTrait,
};

use super::connection::TrackedConnection;
use super::statement_writes::writes_of;
use super::transaction::TrackedTransaction;
use crate::binding::make_bindable;
use crate::capture::protocol::{Message, Question, Step};
use crate::database;
use crate::error::{CaptureError, WriteRefusal};
use crate::log::Operation;
use crate::raw_sql::SqlText;

/// Which pool a statement goes to.
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

/// How a statement that was built may run.
enum Admission {
    /// Nothing runs: a hook has spoken.
    Heard,
    /// It changes no tracked table.
    Direct(Statement, Access),
    /// It may change a table that triggers capture.
    OwnTransaction,
}

impl TrackedConnection {
    async fn admit<S: StatementBuilder>(&self, statement: &S) -> Result<Admission, DbErr> {
        let built = statement.build(&ConnectionTrait::get_database_backend(&self.writer));
        if Question::is(&built) {
            return Ok(Admission::Heard);
        }
        if let Some(message) = Message::of(&built) {
            let Message {
                table,
                operation,
                step,
            } = message?;
            // A statement has run only if triggers have recorded it, or if it is reported. One that is announced
            // will make certain.
            let has_run = matches!(step, Step::Record { .. });
            if has_run || self.settings.escapes.is_some() || self.may_be_captured(&table).await? {
                return Ok(Admission::Heard);
            }
            return Err(WriteRefusal::OutsideTransaction {
                table,
                operation,
                runs_hooks: true,
            }
            .into());
        }
        let text = self.text(&built.sql);
        let writes = writes_of(statement, &text, self.settings.tracked);
        let checked = self
            .settings
            .check(&self.reader, &text, &writes, &BTreeSet::new())
            .await;
        let refusal = match (checked, writes.tracked.into_iter().next()) {
            (Err(refusal), _) => Some(refusal),
            (Ok(()), Some((table, operation))) => Some(outside(table, operation)),
            (Ok(()), None) => None,
        };
        if let Some(refusal) = refusal
            && self.needs_transaction(refusal, &text).await?
        {
            return Ok(Admission::OwnTransaction);
        }
        let access = Access::of(&text);
        Ok(Admission::Direct(make_bindable(built), access))
    }

    /// A statement was refused. Returns whether it may run in a transaction, because triggers may see what it
    /// changes, or is let through as it is.
    async fn needs_transaction(&self, refusal: DbErr, text: &SqlText<'_>) -> Result<bool, DbErr> {
        if self.may_be_seen(&refusal, text).await? {
            return Ok(true);
        }
        if self.settings.lets_through(&refusal, text) {
            return Ok(false);
        }
        Err(refusal)
    }

    /// Whether triggers may see what a refused statement changes.
    async fn may_be_seen(&self, refusal: &DbErr, text: &SqlText<'_>) -> Result<bool, DbErr> {
        let table = match CaptureError::of(refusal) {
            Some(CaptureError::Write(WriteRefusal::Cascade { child, .. })) => child,
            Some(CaptureError::Write(WriteRefusal::OutsideTransaction { table, .. })) => table,
            Some(CaptureError::Write(WriteRefusal::RawWrite { table, .. }))
                if text.fires_triggers() =>
            {
                table
            }
            _ => return Ok(false),
        };
        // A raw statement may be refused for the children of the table that it names.
        let cascades = self.settings.cascades(&self.reader).await?;
        let mut tables = cascades.reached_from(&table.to_lowercase(), &BTreeSet::new());
        tables.insert(table.clone());
        for table in tables {
            if self.may_be_captured(&table).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether triggers may capture the table. A no is certain at the time of the call.
    async fn may_be_captured(&self, table: &str) -> Result<bool, DbErr> {
        let table = table.to_lowercase();
        let captured = &self.settings.captured;
        if captured.tables(&self.reader).await?.contains(&table) {
            return Ok(true);
        }
        captured.forget();
        Ok(captured.tables(&self.reader).await?.contains(&table))
    }

    fn text<'s>(&self, sql: &'s str) -> SqlText<'s> {
        SqlText::of(sql, database::of(&self.writer).syntax())
    }

    /// Judges SQL text that may write a tracked table. Returns how it uses the database, or `None` if it needs a
    /// transaction.
    async fn admit_raw(&self, sql: &str) -> Result<Option<Access>, DbErr> {
        let (text, none) = (self.text(sql), BTreeSet::new());
        let checked = self.settings.check_raw(&self.reader, &text, &none).await;
        let needs_transaction = match checked {
            Ok(()) => false,
            Err(refusal) => self.needs_transaction(refusal, &text).await?,
        };
        Ok((!needs_transaction).then(|| Access::of(&text)))
    }

    fn pool(&self, access: Access) -> &DatabaseConnection {
        match access {
            Access::Read => &self.reader,
            Access::Write => &self.writer,
        }
    }

    /// Ends the transaction of one statement, which had this result.
    async fn end_own<T>(&self, tx: TrackedTransaction, done: Result<T, DbErr>) -> Result<T, DbErr> {
        match done {
            Ok(done) => {
                tx.commit().await?;
                Ok(done)
            }
            Err(error) => {
                // The error matters more than a failed rollback.
                let _ = tx.rollback().await;
                Err(self.as_outside(error))
            }
        }
    }

    /// The refusal of a statement in its own transaction, as one of a statement outside of any.
    fn as_outside(&self, error: DbErr) -> DbErr {
        match CaptureError::of(&error) {
            Some(CaptureError::Write(WriteRefusal::Unrecorded { table, operation })) => {
                // The hint was wrong.
                self.settings.captured.forget();
                outside(table.clone(), *operation)
            }
            _ => error,
        }
    }
}

fn outside(table: String, operation: Operation) -> DbErr {
    WriteRefusal::OutsideTransaction {
        table,
        operation,
        runs_hooks: false,
    }
    .into()
}

#[async_trait::async_trait]
impl ConnectionTrait for TrackedConnection {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.writer)
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        match self.admit_raw(&stmt.sql).await? {
            Some(_) => self.writer.execute_raw(stmt).await,
            None => {
                let tx = self.begin().await?;
                let done = tx.execute_raw(stmt).await;
                self.end_own(tx, done).await
            }
        }
    }

    async fn execute<S: StatementBuilder>(&self, stmt: &S) -> Result<ExecResult, DbErr> {
        match self.admit(stmt).await? {
            Admission::Direct(built, _) => self.writer.execute_raw(built).await,
            Admission::OwnTransaction => {
                let tx = self.begin().await?;
                let done = tx.execute(stmt).await;
                self.end_own(tx, done).await
            }
            // Hooks speak through `query_one`.
            Admission::Heard => Err(WriteRefusal::Protocol.into()),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self.admit_raw(sql).await? {
            Some(_) => self.writer.execute_unprepared(sql).await,
            None => {
                let tx = self.begin().await?;
                let done = tx.execute_unprepared(sql).await;
                self.end_own(tx, done).await
            }
        }
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.admit_raw(&stmt.sql).await? {
            Some(access) => self.pool(access).query_one_raw(stmt).await,
            None => {
                let tx = self.begin().await?;
                let done = tx.query_one_raw(stmt).await;
                self.end_own(tx, done).await
            }
        }
    }

    async fn query_one<S: StatementBuilder>(&self, stmt: &S) -> Result<Option<QueryResult>, DbErr> {
        match self.admit(stmt).await? {
            Admission::Heard => Ok(None),
            Admission::Direct(built, access) => self.pool(access).query_one_raw(built).await,
            Admission::OwnTransaction => {
                let tx = self.begin().await?;
                let done = tx.query_one(stmt).await;
                self.end_own(tx, done).await
            }
        }
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.admit_raw(&stmt.sql).await? {
            Some(access) => self.pool(access).query_all_raw(stmt).await,
            None => {
                let tx = self.begin().await?;
                let done = tx.query_all_raw(stmt).await;
                self.end_own(tx, done).await
            }
        }
    }

    async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
        match self.admit(stmt).await? {
            Admission::Heard => Ok(Vec::new()),
            Admission::Direct(built, access) => self.pool(access).query_all_raw(built).await,
            Admission::OwnTransaction => {
                let tx = self.begin().await?;
                let done = tx.query_all(stmt).await;
                self.end_own(tx, done).await
            }
        }
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
            // The rows would outlive a transaction that was begun for them.
            let (text, none) = (self.text(&stmt.sql), BTreeSet::new());
            let checked = self.settings.check_raw(&self.reader, &text, &none).await;
            if let Err(refusal) = checked
                && !self.settings.lets_through(&refusal, &text)
            {
                return Err(refusal);
            }
            self.pool(Access::of(&text)).stream_raw(stmt).await
        })
    }
}
