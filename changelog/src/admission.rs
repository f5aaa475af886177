//! Whether a database can be served, asked once at start.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Statement};

use crate::epoch;
use crate::retention::new_epoch;

/// Why a database cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// A replica cannot tell which transactions are still under way.
    #[error("the database is a replica or read-only; cure: use the primary")]
    ReadOnly,
    /// Making changes readable takes writes.
    #[error("the database role may not write {0}; cure: grant it INSERT, UPDATE and DELETE there")]
    NoRights(&'static str),
    /// Ids of several writing servers are in no common order.
    #[error("a Galera cluster has no order of commits to follow; cure: use one server")]
    Galera,
    /// The database has not been migrated.
    #[error("the database has no change log; cure: run `migrate up`")]
    NoLog,
    /// What the database says.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Checks that the log of this database can be followed and gives it a new epoch if it has come to
/// another server: restored from a dump, or after a failover. Returns the epoch.
///
/// # Errors
/// [`Refused`].
pub async fn admit(db: &DatabaseConnection) -> Result<String, Refused> {
    match db.get_database_backend() {
        DbBackend::Postgres => check_postgres(db).await?,
        DbBackend::MySql => check_mariadb(db).await?,
        _ => {}
    }
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    Ok(epoch.ok_or(Refused::NoLog)?.epoch)
}

async fn flag(db: &DatabaseConnection, sql: &str) -> Result<bool, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// The server, its timeline and the database: a copy elsewhere has another.
const IDENTITY: &str = "(SELECT system_identifier FROM pg_control_system())::text || '.' ||
    (SELECT timeline_id FROM pg_control_checkpoint())::text || '.' ||
    (SELECT oid FROM pg_database WHERE datname = current_database())::text";

async fn check_postgres(db: &DatabaseConnection) -> Result<(), Refused> {
    if flag(db, "SELECT pg_is_in_recovery()").await? {
        return Err(Refused::ReadOnly);
    }
    for table in ["change_tick", "change_epoch"] {
        let sql = format!(
            "SELECT has_table_privilege('{table}', 'INSERT') AND
                has_table_privilege('{table}', 'UPDATE') AND has_table_privilege('{table}', 'DELETE')"
        );
        if !flag(db, &sql).await? {
            return Err(Refused::NoRights(table));
        }
    }
    let name = format!("UPDATE change_epoch SET identity = {IDENTITY} WHERE identity IS NULL");
    db.execute_unprepared(&name).await?;
    // A row with an xid that this server has not given yet was written on another one.
    let moved = format!(
        "SELECT identity <> {IDENTITY} OR EXISTS (SELECT 1 FROM change_log l
            WHERE l.id > e.horizon AND l.xid >= pg_snapshot_xmax(pg_current_snapshot()))
         FROM change_epoch e"
    );
    if flag(db, &moved).await? {
        new_epoch(db).await?;
        let name = format!("UPDATE change_epoch SET identity = {IDENTITY}");
        db.execute_unprepared(&name).await?;
    }
    Ok(())
}

async fn check_mariadb(db: &DatabaseConnection) -> Result<(), Refused> {
    if flag(db, "SELECT @@global.read_only = 1").await? {
        return Err(Refused::ReadOnly);
    }
    let galera = "SELECT COUNT(*) > 0 FROM information_schema.GLOBAL_STATUS
        WHERE VARIABLE_NAME = 'WSREP_CLUSTER_SIZE' AND VARIABLE_VALUE > 0";
    if flag(db, galera).await? {
        return Err(Refused::Galera);
    }
    Ok(())
}
