//! Whether a database can be served, asked once at start.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Statement, TransactionTrait,
};

use crate::driver::{database_error, mariadb_number, sqlite_code};
use crate::epoch::{self, IDENTITY};
use crate::reader::TICK_LOCK;
use crate::retention::renew;

/// Why a database cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// A replica cannot tell which transactions are still under way.
    #[error("the database is a replica or read-only; cure: use the primary, or a file to write to")]
    ReadOnly,
    /// Making changes readable takes writes.
    #[error("the database role may not write {table}; cure: grant it {rights} there")]
    NoRights {
        /// Where.
        table: &'static str,
        /// All that it needs to write there.
        rights: &'static str,
    },
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
    check_primary(db).await?;
    match db.get_database_backend() {
        DbBackend::Postgres => check_postgres(db).await?,
        DbBackend::MySql => check_mariadb(db).await?,
        _ => check_sqlite(db).await?,
    }
    let epoch = epoch::Entity::find_by_id(epoch::ONLY).one(db).await?;
    Ok(epoch.ok_or(Refused::NoLog)?.epoch)
}

/// Checks that the database server takes writes at all: before migrating, because what a migration
/// says of a replica is no reason that an operator understands.
///
/// # Errors
/// [`Refused::ReadOnly`]; [`Refused::Database`].
pub async fn check_primary(db: &DatabaseConnection) -> Result<(), Refused> {
    let read_only = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT pg_is_in_recovery()",
        DbBackend::MySql => "SELECT @@global.read_only = 1",
        // A file tells when it is written.
        _ => return Ok(()),
    };
    if flag(db, read_only).await? {
        return Err(Refused::ReadOnly);
    }
    Ok(())
}

async fn flag<C: ConnectionTrait>(db: &C, sql: &str) -> Result<bool, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// What a server writes on PostgreSQL, and what it needs for that.
const RIGHTS: [(&str, &str, &str); 4] = [
    ("change_log", "INSERT", "SELECT and INSERT"),
    (
        "change_tick",
        "INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "change_epoch",
        "INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "change_request",
        "SELECT,INSERT,UPDATE,DELETE",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
];

/// Checks that the database can be served by this role, and changes nothing.
///
/// # Errors
/// [`Refused`].
pub(crate) async fn check_rights(db: &DatabaseConnection) -> Result<(), Refused> {
    check_primary(db).await?;
    match db.get_database_backend() {
        DbBackend::Postgres => check_postgres_rights(db).await,
        DbBackend::MySql => check_mariadb(db).await,
        _ => check_sqlite(db).await,
    }
}

async fn check_postgres_rights(db: &DatabaseConnection) -> Result<(), Refused> {
    for (table, needed, rights) in RIGHTS {
        for right in needed.split(',') {
            let sql = format!("SELECT has_table_privilege('{table}', '{right}')");
            if !flag(db, &sql).await? {
                return Err(Refused::NoRights { table, rights });
            }
        }
    }
    Ok(())
}

/// PostgreSQL: whether the log was written on another server, as SQL. A row with an xid that this
/// server has not given yet was.
fn moved() -> String {
    format!(
        "SELECT COALESCE(identity <> {IDENTITY}, FALSE) OR EXISTS (SELECT 1 FROM change_log l
            WHERE l.id > e.horizon AND l.xid >= pg_snapshot_xmax(pg_current_snapshot()))
         FROM change_epoch e"
    )
}

/// Whether the log was written on another server, as far as that can be told, and nobody has given it
/// a new epoch yet.
pub(crate) async fn has_moved(db: &DatabaseConnection) -> Result<bool, DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => flag(db, &moved()).await,
        _ => Ok(false),
    }
}

async fn check_postgres(db: &DatabaseConnection) -> Result<(), Refused> {
    check_postgres_rights(db).await?;
    let name = format!("UPDATE change_epoch SET identity = {IDENTITY} WHERE identity IS NULL");
    db.execute_unprepared(&name).await?;
    let moved = moved();
    if !flag(db, &moved).await? {
        return Ok(());
    }
    // Asked again under the lock: of servers that start together one begins the epoch, all serve it.
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

/// Statements that touch no row and take the rights that a server needs on MariaDB: the database
/// checks them first.
const TOUCHES_NOTHING: [(&str, &str, &str); 8] = [
    (
        "INSERT INTO change_log SELECT * FROM change_log WHERE 1 = 0",
        "change_log",
        "SELECT and INSERT",
    ),
    (
        "INSERT INTO change_inbox SELECT * FROM change_inbox WHERE 1 = 0",
        "change_inbox",
        "SELECT, INSERT and DELETE",
    ),
    (
        "DELETE FROM change_inbox WHERE 1 = 0",
        "change_inbox",
        "SELECT, INSERT and DELETE",
    ),
    (
        "SELECT 1 FROM change_epoch WHERE 1 = 0",
        "change_epoch",
        "SELECT and UPDATE",
    ),
    (
        "UPDATE change_epoch SET horizon = 0 WHERE 1 = 0",
        "change_epoch",
        "SELECT and UPDATE",
    ),
    (
        "INSERT INTO change_request SELECT * FROM change_request WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "UPDATE change_request SET request = '' WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
    (
        "DELETE FROM change_request WHERE 1 = 0",
        "change_request",
        "SELECT, INSERT, UPDATE and DELETE",
    ),
];

async fn check_mariadb(db: &DatabaseConnection) -> Result<(), Refused> {
    let galera = "SELECT COUNT(*) > 0 FROM information_schema.GLOBAL_STATUS
        WHERE VARIABLE_NAME = 'WSREP_CLUSTER_SIZE' AND VARIABLE_VALUE > 0";
    if flag(db, galera).await? {
        return Err(Refused::Galera);
    }
    for (sql, table, rights) in TOUCHES_NOTHING {
        match db.execute_unprepared(sql).await {
            // Denied for the table, or for a column of it.
            Err(error) if matches!(mariadb_number(&error), Some(1142 | 1143)) => {
                return Err(Refused::NoRights { table, rights });
            }
            Err(error) if matches!(mariadb_number(&error), Some(1290 | 1792 | 1836)) => {
                return Err(Refused::ReadOnly);
            }
            done => done?,
        };
    }
    Ok(())
}

/// A file may be there to be read only.
async fn check_sqlite(db: &DatabaseConnection) -> Result<(), Refused> {
    let touch = "UPDATE change_epoch SET horizon = 0 WHERE 1 = 0";
    let Err(error) = db.execute_unprepared(touch).await else {
        return Ok(());
    };
    let code = database_error(&error).and_then(|error| error.code());
    // 8 read-only; 5 busy, which says nothing.
    match code.as_deref().and_then(sqlite_code) {
        Some(8) => Err(Refused::ReadOnly),
        Some(5) => Ok(()),
        _ => Err(error.into()),
    }
}
