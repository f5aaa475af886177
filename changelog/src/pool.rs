//! Pools whose connections are clean: one that comes back inside a transaction is closed.
//!
//! A database may end a transaction that its driver still counts as open: SQLite when there is no room or
//! by `ROLLBACK` as a conflict clause, MariaDB at a deadlock. The driver's rollback then fails, and the
//! count stays. The next transaction on that connection would be a savepoint of nothing, and its commit
//! would end the savepoint only: answered as done, and never stored.
//!
//! The other way round, a transaction may be open that the driver does not count: the future that began it
//! was dropped before the answer came. What is written on that connection outside of transactions would be
//! answered as done, and taken back later.

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{Connection, Database, Error, Executor};

/// Makes a pool with these options close each connection that is given back and still counts an open
/// transaction, and each that is inside a transaction when it is handed out; on MariaDB each, too, for which
/// `max_allowed_packet` is not what it has been set to since. The latter asks the database
/// once, in place of the ping that finds out whether the connection still is one. It takes the place of
/// `after_release`, `before_acquire` and `test_before_acquire`.
///
/// ```ignore
/// options.map_sqlx_sqlite_pool_opts(closing_unclean);
/// ```
///
/// Tell a [`TrackedConnection`](crate::TrackedConnection) of it by
/// [`with_clean_pool`](crate::TrackedConnection::with_clean_pool).
pub fn closing_unclean<D>(options: PoolOptions<D>) -> PoolOptions<D>
where
    D: Database,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let options = options.after_release(|connection, _| Box::pin(is_clean(connection)));
    let Some(ask) = unclean(D::NAME) else {
        return options;
    };
    options
        .test_before_acquire(false)
        .before_acquire(move |connection, _| {
            Box::pin(async move { Ok((&mut *connection).fetch_optional(ask).await?.is_none()) })
        })
}

/// A query that has a row on a connection that must not be used again; `None` where the driver's own count
/// can be relied on, because it is the thread of the connection that counts.
fn unclean(driver: &str) -> Option<&'static str> {
    match driver {
        // Outside of a transaction block the query is its own transaction, and begins with it.
        "PostgreSQL" => Some("SELECT 1 WHERE now() <> statement_timestamp()"),
        // The variable: waits of a transaction were bounded, and the bound has not been taken back. A session
        // keeps the packet's size that was set when it began.
        "MySQL" => Some(
            "SELECT 1 FROM DUAL WHERE @@in_transaction = 1 OR @seachange_lock_wait IS NOT NULL
               OR @@SESSION.max_allowed_packet <> @@GLOBAL.max_allowed_packet",
        ),
        _ => None,
    }
}

async fn is_clean<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // SQLite's thread may still have a rollback to do; it answers after that.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
