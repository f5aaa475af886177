//! A connection as a dialect speaks to it.

use sea_orm::{ConnectionTrait, DbErr, ExecResult, QueryResult, Statement};

/// Any connection or transaction. SeaORM's own trait has generic methods, and so cannot be an argument of a
/// trait that is chosen at run time.
#[async_trait::async_trait]
pub trait Session: Sync {
    /// Runs a statement.
    async fn run(&self, statement: Statement) -> Result<ExecResult, DbErr>;

    /// Runs a text without preparing it. It may hold several statements where the database allows that.
    async fn run_text(&self, sql: &str) -> Result<ExecResult, DbErr>;

    /// The first row of the result.
    async fn row(&self, ask: Statement) -> Result<Option<QueryResult>, DbErr>;

    /// All rows of the result.
    async fn rows(&self, ask: Statement) -> Result<Vec<QueryResult>, DbErr>;
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> Session for C {
    async fn run(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.execute_raw(statement).await
    }

    async fn run_text(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_unprepared(sql).await
    }

    async fn row(&self, ask: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.query_one_raw(ask).await
    }

    async fn rows(&self, ask: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(ask).await
    }
}

/// The yes or no in the first column of the result; no row means no.
pub(super) async fn flag(db: &dyn Session, ask: Statement) -> Result<bool, DbErr> {
    let row = db.row(ask).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}
