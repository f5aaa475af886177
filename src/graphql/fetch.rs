//! The one place that reads the rows of lists and relations from the database.

use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};

use super::error::Refusal;
use super::listed::Listed;
use super::node::Node;
use crate::feed::run_detached;
use crate::service::budget::Budget;
use crate::service::row::Row;

/// The result of a statement. It runs to its end even if another field of the request fails meanwhile: a query
/// dropped half-way leaves its connection out of step with the server.
pub(super) async fn fetch(
    db: &DatabaseConnection,
    statement: SelectStatement,
) -> Result<Vec<QueryResult>, Refusal> {
    let db = db.clone();
    run_detached(async move { db.query_all(&statement).await.map_err(Refusal::from) }).await
}

/// The rows of an entity that a statement finds, charged to the budget, each with everything that was selected
/// for it. `build` makes the statement. It selects what it is given in addition, and finds no more rows than
/// the budget [lets it fetch](Budget::rows_to_fetch).
pub(super) async fn find(
    (db, budget): (&DatabaseConnection, &Budget),
    of: &Listed,
    build: impl Fn(&[(Expr, Alias)]) -> SelectStatement + Send + Sync + 'static,
) -> Result<Vec<(Row, QueryResult)>, Refusal> {
    budget.check()?;
    let (db, budget, source) = (db.clone(), budget.clone(), Arc::clone(&of.source));
    run_detached(async move { source.find((&db, &budget), &build).await }).await
}

/// Like [`find`], but only the rows.
pub(super) async fn rows(
    db: (&DatabaseConnection, &Budget),
    of: &Listed,
    statement: SelectStatement,
) -> Result<Vec<Node>, Refusal> {
    let found = find(db, of, move |extra| selecting(statement.clone(), extra)).await?;
    Ok(Node::all(found.into_iter().map(|(row, _)| row).collect()))
}

/// The statement with further expressions selected.
pub(super) fn selecting(
    mut statement: SelectStatement,
    extra: &[(Expr, Alias)],
) -> SelectStatement {
    for (expr, alias) in extra {
        statement.expr_as(expr.clone(), alias.clone());
    }
    statement
}
