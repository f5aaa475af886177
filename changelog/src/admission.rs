//! Checks once, at start, whether a database can be served.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, TransactionTrait};

pub use crate::database::Refused;
use crate::database::{self, Cause, LogOrder};
use crate::epoch::{self, IDENTITY};
use crate::format::check_format;
use crate::reader::TICK_LOCK;
use crate::retention::renew;

/// Checks that the log of this database can be followed, and gives it a new epoch if it has been moved to
/// another server, by a restored dump or a failover. Returns the epoch.
///
/// # Errors
/// [`Refused`].
pub async fn admit(db: &DatabaseConnection) -> Result<String, Refused> {
    match look(db).await {
        // Whichever of the log's tables was asked for first.
        Err(Refused::Database(error)) if database::cause(&error) == Some(Cause::NoTable) => {
            Err(Refused::NoLog)
        }
        looked => looked,
    }
}

async fn look(db: &DatabaseConnection) -> Result<String, Refused> {
    check_primary(db).await?;
    check_format(db).await?;
    let dialect = database::of(db);
    dialect.check_rights(db).await?;
    if dialect.facts().ordering == LogOrder::Ticks {
        adopt(db).await?;
    }
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    Ok(epoch.ok_or(Refused::NoLog)?.epoch)
}

/// Checks that the database server takes writes at all. This runs before migrations, because the error that a
/// migration gets on a replica would not show an operator what is wrong.
///
/// # Errors
/// [`Refused::ReadOnly`]; [`Refused::Database`].
pub async fn check_primary(db: &DatabaseConnection) -> Result<(), Refused> {
    database::check(db.get_database_backend())?;
    match database::of(db).facts().is_read_only {
        Some(read_only) if flag(db, read_only).await? => Err(Refused::ReadOnly),
        // A read-only file is noticed when it is written.
        Some(_) | None => Ok(()),
    }
}

async fn flag<C: ConnectionTrait>(db: &C, sql: &str) -> Result<bool, DbErr> {
    let ask = database::of(db).own_statement(sql, Vec::new());
    let row = db.query_one_raw(ask).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// Checks that this role can serve the database. Changes nothing.
///
/// # Errors
/// [`Refused`].
pub(crate) async fn check_rights(db: &DatabaseConnection) -> Result<(), Refused> {
    check_primary(db).await?;
    database::of(db).check_rights(db).await
}

/// The SQL that asks PostgreSQL whether the log was written on another server. That is so if a row has an xid
/// that this server has not assigned yet.
fn moved() -> String {
    format!(
        "SELECT COALESCE(identity <> {IDENTITY}, FALSE) OR EXISTS (SELECT 1 FROM change_log l
            WHERE l.id > e.horizon AND l.xid >= pg_snapshot_xmax(pg_current_snapshot()))
         FROM change_epoch e"
    )
}

/// Whether the log was written on another server, as far as that can be determined, and has not got a new
/// epoch since.
pub(crate) async fn has_moved(db: &DatabaseConnection) -> Result<bool, DbErr> {
    match database::of(db).facts().ordering {
        LogOrder::Ticks => flag(db, &moved()).await,
        LogOrder::ById | LogOrder::Inbox => Ok(false),
    }
}

/// PostgreSQL: gives the log a new epoch if it was written on another server.
async fn adopt(db: &DatabaseConnection) -> Result<(), DbErr> {
    let name = format!("UPDATE change_epoch SET identity = {IDENTITY} WHERE identity IS NULL");
    db.execute_unprepared(&name).await?;
    let moved = moved();
    if !flag(db, &moved).await? {
        return Ok(());
    }
    // This is tested again under the lock: if several servers start together, one begins the epoch and all
    // serve it.
    let tx = db.begin().await?;
    tx.execute_unprepared(TICK_LOCK).await?;
    if flag(&tx, &moved).await? {
        renew(&tx).await?;
        let name = format!("UPDATE change_epoch SET identity = {IDENTITY}");
        tx.execute_unprepared(&name).await?;
    }
    tx.commit().await?;
    Ok(())
}
