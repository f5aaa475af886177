//! Pools whose connections are clean: a connection that is returned inside a transaction is closed.
//!
//! A database may end a transaction that its driver still counts as open: SQLite when there is no space or by
//! `ROLLBACK` as a conflict clause, MariaDB at a deadlock. The driver's rollback then fails, and the count
//! stays. The next transaction on that connection would be a savepoint without a transaction, and its commit
//! would end the savepoint only: it would be reported as done, and never stored.
//!
//! Conversely, a transaction may be open that the driver does not count, because the future that began it was
//! dropped before the result arrived. Writes on that connection outside of transactions would be reported as
//! done, and rolled back later.

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{Connection, Database, Error, Executor};

use crate::database::{self, Dialect};

/// Makes a pool with these options close each connection that is returned while it counts an open
/// transaction, and each that is inside a transaction when it is handed out. On MariaDB it also closes each
/// whose `max_allowed_packet` differs from the present setting. The checks at hand-out take one query, which
/// replaces the ping that tests the connection. This replaces `after_release`, `before_acquire` and
/// `test_before_acquire`.
///
/// A [`TrackedConnection`](crate::TrackedConnection) must be informed of it:
///
/// ```no_run
/// use sea_orm::{ConnectOptions, Database, DbErr};
/// use seachange_changelog::{TrackedConnection, closing_unclean};
///
/// # async fn connect() -> Result<TrackedConnection, DbErr> {
/// let mut options = ConnectOptions::new("sqlite://notes.db");
/// options.map_sqlx_sqlite_pool_opts(closing_unclean);
/// let db = Database::connect(options).await?;
/// Ok(TrackedConnection::new(db).with_clean_pool())
/// # }
/// ```
pub fn closing_unclean<D>(options: PoolOptions<D>) -> PoolOptions<D>
where
    D: Database,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let options = options.after_release(|connection, _| Box::pin(is_clean(connection)));
    let of_driver = |dialect: &&&dyn Dialect| dialect.facts().driver == D::NAME;
    let dialect = database::ALL.iter().find(of_driver);
    let Some(ask) = dialect.and_then(|dialect| dialect.facts().unclean) else {
        return options;
    };
    options
        .test_before_acquire(false)
        .before_acquire(move |connection, _| {
            Box::pin(async move { Ok((&mut *connection).fetch_optional(ask).await?.is_none()) })
        })
}

async fn is_clean<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // SQLite's thread may still have to roll back; it answers after that.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
