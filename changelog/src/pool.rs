//! Pools whose connections are clean: one that comes back inside a transaction is closed.
//!
//! A database may end a transaction that its driver still counts as open: SQLite when there is no room or
//! by `ROLLBACK` as a conflict clause, MariaDB at a deadlock. The driver's rollback then fails, and the
//! count stays. The next transaction on that connection would be a savepoint of nothing, and its commit
//! would end the savepoint only: answered as done, and never stored.

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{Connection, Database, Error};

/// Makes a pool with these options close each connection that is given back and still counts an open
/// transaction. It takes the place of `after_release`. Costs nothing where none is counted.
///
/// ```ignore
/// options.map_sqlx_sqlite_pool_opts(closing_unclean);
/// ```
///
/// Tell a [`TrackedConnection`](crate::TrackedConnection) of it by
/// [`with_clean_pool`](crate::TrackedConnection::with_clean_pool).
pub fn closing_unclean<D: Database>(options: PoolOptions<D>) -> PoolOptions<D> {
    options.after_release(|connection, _| Box::pin(is_clean(connection)))
}

async fn is_clean<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // SQLite's thread may still have a rollback to do; it answers after that.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
