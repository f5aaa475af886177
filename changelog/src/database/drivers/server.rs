//! What the drivers of servers share.

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{AssertSqlSafe, Database, Executor};

/// Connections that begin by running these statements.
pub(super) fn beginning_with<D>(options: PoolOptions<D>, statements: Vec<String>) -> PoolOptions<D>
where
    D: Database,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    options.after_connect(move |connection, _| {
        let statements = statements.clone();
        Box::pin(async move {
            for sql in statements {
                (&mut *connection).execute(AssertSqlSafe(sql)).await?;
            }
            Ok(())
        })
    })
}
