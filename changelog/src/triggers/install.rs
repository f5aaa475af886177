//! Making and dropping a table's triggers.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr};

use super::catalogue::Table;
use super::schema::Version;
use super::{mariadb, name, postgres, sqlite, statement};
use crate::backoff::Backoff;

/// Longest name that each database takes, less the longest prefix and a digest.
const LONGEST: usize = 30;

/// What triggers are made for.
pub(super) struct Plan<'a> {
    pub(super) entity: &'a str,
    /// PostgreSQL: where table and log are.
    pub(super) schema: &'a str,
    pub(super) version: &'a Version,
    pub(super) table: &'a Table,
}

/// A trigger, or PostgreSQL's function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    /// The statement that makes it.
    pub(super) sql: String,
}

impl Piece {
    /// Whether it is PostgreSQL's function.
    pub(super) fn is_function(&self) -> bool {
        self.sql.starts_with("CREATE OR REPLACE FUNCTION")
    }
}

impl Plan<'_> {
    /// Everything to be made, in order.
    pub(super) fn pieces(&self, backend: DbBackend) -> Vec<Piece> {
        match backend {
            DbBackend::Postgres => postgres::pieces(self),
            DbBackend::MySql => mariadb::pieces(self),
            _ => sqlite::pieces(self),
        }
    }
}

/// The name of a table's trigger: it says what it is, and is unique however long the table's is.
pub(crate) fn piece_name(what: &str, entity: &str) -> String {
    if entity.len() <= LONGEST {
        return format!("change_capture_{what}_{entity}");
    }
    // FNV-1a: a name needs no more than to be the same each time.
    let digest = entity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let start: String = entity.chars().take(12).collect();
    format!("change_capture_{what}_{start}_{digest:016x}")
}

/// Every kind of trigger that any database has.
pub(super) const KINDS: [&str; 11] = [
    "row",
    "truncate",
    "insert",
    "update",
    "delete",
    "before_insert",
    "replace",
    "before_update",
    "update_replace",
    "update_key",
    "delete_kept",
];

/// Drops the table's triggers, those that are there.
pub(super) async fn drop_triggers<C: ConnectionTrait>(db: &C, entity: &str) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    for kind in KINDS {
        let trigger = name(&piece_name(kind, entity), backend);
        let of = match backend {
            DbBackend::Postgres => format!(" ON {}", name(entity, backend)),
            _ => String::new(),
        };
        let sql = format!("DROP TRIGGER IF EXISTS {trigger}{of}");
        match backend {
            DbBackend::MySql => patiently(db, None, &sql).await?,
            _ => db.execute_unprepared(&sql).await.map(|_| ())?,
        }
    }
    if backend == DbBackend::Postgres {
        let function = name(&piece_name("row", entity), backend);
        db.execute_unprepared(&format!("DROP FUNCTION IF EXISTS {function}()"))
            .await?;
    }
    Ok(())
}

/// A statement that a program has prepared before a trigger came is prepared again by MariaDB only if
/// the trigger is younger than it. The trigger's time is cut to hundredths of a second, so one that
/// comes shortly after a prepare looks older, and the statement fails (1146) as long as its connection
/// lives. A trigger from the future is younger than any.
const IN_THE_FUTURE: &str = "timestamp = UNIX_TIMESTAMP(NOW(6)) + 60";

/// Makes the table's triggers in the place of those that are there.
pub(super) async fn make_triggers<C: ConnectionTrait>(
    db: &C,
    plan: &Plan<'_>,
) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    for piece in plan.pieces(backend) {
        match backend {
            DbBackend::MySql => patiently(db, Some(IN_THE_FUTURE), &piece.sql).await?,
            _ => db.execute_unprepared(&piece.sql).await.map(|_| ())?,
        }
    }
    if backend == DbBackend::Postgres {
        drop_others(db, plan).await?;
    }
    Ok(())
}

/// PostgreSQL: drops triggers of ours that are not among the table's any more. One that is not there is
/// not asked for: that alone would shut the table.
async fn drop_others<C: ConnectionTrait>(db: &C, plan: &Plan<'_>) -> Result<(), DbErr> {
    let backend = DbBackend::Postgres;
    let pieces = plan.pieces(backend);
    let table = name(plan.entity, backend);
    for trigger in KINDS.map(|kind| piece_name(kind, plan.entity)) {
        // The function may be called as a trigger was.
        let is_trigger = |piece: &Piece| piece.name == trigger && !piece.is_function();
        if pieces.iter().any(is_trigger) {
            continue;
        }
        let sql = "SELECT 1 FROM pg_trigger WHERE tgname = ? AND tgrelid = ?::regclass";
        let values = [trigger.as_str().into(), table.as_str().into()];
        if db
            .query_one_raw(statement(backend, sql, values))
            .await?
            .is_some()
        {
            let sql = format!("DROP TRIGGER {} ON {table}", name(&trigger, backend));
            db.execute_unprepared(&sql).await?;
        }
    }
    Ok(())
}

/// Waits between tries. Longer ones do not help: where many write, three of four tries end in a deadlock
/// however far apart they are.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(40);
/// How long a statement waits for writers in flight, tries included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a statement that waits for writers in flight. On MariaDB it may be picked to end a deadlock of table
/// locks: then it is tried again a little later, for ten seconds in all. A try waits for its locks no longer
/// than what is left of them, whatever the connection does by itself.
pub(super) async fn patiently<C: ConnectionTrait>(
    db: &C,
    with: Option<&str>,
    sql: &str,
) -> Result<(), DbErr> {
    let deadline = Instant::now() + PATIENCE;
    let with = with.map_or_else(String::new, |with| format!("{with}, "));
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Whole seconds; zero would mean not to wait at all.
        let seconds = left.as_secs_f64().ceil().max(1.0);
        let bounded = format!(
            "SET STATEMENT {with}lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds} FOR {sql}"
        );
        match db.execute_unprepared(&bounded).await {
            Err(error) if is_deadlock(&error) && Instant::now() < deadline => {}
            done => return done.map(|_| ()),
        }
        // The server's clock: this crate has no runtime of its own.
        let wait = backoff.next_wait().as_secs_f64();
        db.execute_unprepared(&format!("DO SLEEP({wait})")).await?;
    }
}

/// MariaDB's deadlock, and its end of waiting for a lock.
fn is_deadlock(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(driver)) | DbErr::Query(RuntimeErr::SqlxError(driver))) =
        error
    else {
        return false;
    };
    let code = driver
        .as_database_error()
        .and_then(|database| database.code());
    // SQLSTATE 40001 is the deadlock; a lock wait has none of its own.
    code.as_deref() == Some("40001") || driver.to_string().contains("1205 (HY000)")
}
