//! Statements that change tables on MariaDB while others write them.

use std::time::{Duration, Instant};

use sea_orm::{DbErr, RuntimeErr};

use super::{Dialect, MariaDb, Session};
use crate::backoff::Backoff;

/// A statement that a program has prepared before a trigger came is prepared again by MariaDB only if
/// the trigger is younger than it. The trigger's time is cut to hundredths of a second, so one that
/// comes shortly after a prepare looks older, and the statement fails (1146) as long as its connection
/// lives. A trigger from the future is younger than any.
pub(super) const IN_THE_FUTURE: &str = "timestamp = UNIX_TIMESTAMP(NOW(6)) + 60";

/// Waits between tries. Longer ones do not help: where many write, three of four tries end in a deadlock
/// however far apart they are.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(40);
/// How long a statement waits for writers in flight, tries included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a statement on `change_capture` while nobody is writing the table.
///
/// Table locks queue fairly behind transactions in flight. The row's lock alone would do, but with
/// many writers the one who waits for it is the victim of every deadlock. One text, so that the locks
/// cannot outlive it on another connection of the pool.
pub(super) async fn alone(db: &dyn Session, entity: &str, sql: &str) -> Result<(), DbErr> {
    let table = MariaDb.quote(entity);
    let sql = format!("LOCK TABLES {table} WRITE, change_capture WRITE;\n{sql};\nUNLOCK TABLES");
    patiently(db, None, &sql).await
}

/// Runs a statement that waits for writers in flight. It may be picked to end a deadlock of table locks: then it
/// is tried again a little later, for ten seconds in all. A try waits for its locks no longer than what is left
/// of them, whatever the connection does by itself.
pub(super) async fn patiently(
    db: &dyn Session,
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
        match db.run_text(&bounded).await {
            Err(error) if is_deadlock(&error) && Instant::now() < deadline => {}
            done => return done.map(|_| ()),
        }
        // The server's clock: this crate has no runtime of its own.
        let wait = backoff.next_wait().as_secs_f64();
        db.run_text(&format!("DO SLEEP({wait})")).await?;
    }
}

/// A deadlock, and the end of waiting for a lock.
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
