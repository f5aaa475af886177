//! Runs a statement whose writes hooks have announced, so that its result has the number of rows that it wrote.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, ExecResult, QueryResult, SqlErr, Statement,
};

use super::statement_writes::Write;
use crate::error::WriteRefusal;
use crate::log::Operation;
use crate::raw_sql::{Existing, SqlText};

/// What an announced INSERT does to a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// Nothing that its result would hide.
    Told,
    /// Nothing, but its result would count the row as an inserted one. The clause that says so begins here.
    Hidden { clause: usize },
}

/// Finds out what an announced INSERT does to a row that is there already.
///
/// # Errors
/// [`WriteRefusal::Unrecorded`] if it writes the row: its hook would record an insert.
pub(super) fn conflict_of(text: &SqlText<'_>, writes: &[Write]) -> Result<Conflict, WriteRefusal> {
    let Some((table, operation)) = writes.iter().find(|write| write.1 == Operation::Insert) else {
        return Ok(Conflict::Told);
    };
    match (text.existing(), text.upsert_begins()) {
        (Existing::Kept, _) => Ok(Conflict::Told),
        (Existing::SetToItself, Some(clause)) => Ok(Conflict::Hidden { clause }),
        _ => Err(WriteRefusal::Unrecorded {
            table: table.clone(),
            operation: *operation,
        }),
    }
}

/// Which rows of a result are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    First,
    All,
}

/// A statement, and what is known of its writes.
pub(super) struct Announced {
    pub(super) statement: Statement,
    is_write: bool,
    /// A row that is there already fails the statement, and has to be passed over.
    passes_over: bool,
}

impl Announced {
    pub(super) fn new(mut statement: Statement, writes: &[Write], conflict: Conflict) -> Self {
        if let Conflict::Hidden { clause } = conflict {
            statement.sql.truncate(clause);
        }
        Self {
            statement,
            is_write: !writes.is_empty(),
            passes_over: conflict != Conflict::Told,
        }
    }

    pub(super) async fn execute(self, db: &DatabaseTransaction) -> Result<ExecResult, DbErr> {
        match db.execute_raw(self.statement).await {
            // Only the statement has failed, and MariaDB goes on with the transaction.
            Err(error) if self.passes_over && is_taken(&error) => {
                db.execute_unprepared("DO 0").await
            }
            done => done,
        }
    }

    pub(super) async fn query(
        self,
        db: &DatabaseTransaction,
        wanted: Wanted,
    ) -> Result<Vec<QueryResult>, DbErr> {
        // Of a write all rows count.
        if wanted == Wanted::First && !self.is_write {
            let row = db.query_one_raw(self.statement).await?;
            return Ok(row.into_iter().collect());
        }
        // An existing row then fails the statement.
        db.query_all_raw(self.statement).await
    }
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
