//! Statements that change tables on MariaDB while other transactions write them.

use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::{Dialect, MariaDb, Session};
use crate::backoff::Backoff;
use crate::database::mariadb_number;

/// If a program prepared a statement before a trigger was created, MariaDB prepares it again only if the
/// trigger is younger than it. The trigger's time is cut to hundredths of a second, so a trigger created
/// shortly after a prepare looks older, and the statement fails (1146) for as long as its connection lives. A
/// trigger whose time is in the future is younger than any statement.
pub(super) const IN_THE_FUTURE: &str = "timestamp = UNIX_TIMESTAMP(NOW(6)) + 60";

/// Waits between retries. Longer ones do not help: where many transactions write, three of four tries end in
/// a deadlock however far apart they are.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(40);
/// How long a statement waits for writers in progress, retries included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a statement on `change_capture` while no transaction is writing the table.
///
/// Table locks queue fairly behind transactions in progress. The row's lock alone would be enough, but with
/// many writers the statement that waits for it is the victim of every deadlock. All is sent as one text, so
/// that the locks cannot outlive it on another connection of the pool.
pub(super) async fn alone(db: &dyn Session, entity: &str, sql: &str) -> Result<(), DbErr> {
    let table = MariaDb.quote(entity);
    let sql = format!("LOCK TABLES {table} WRITE, change_capture WRITE;\n{sql};\nUNLOCK TABLES");
    patiently(db, None, &sql).await
}

/// Runs a statement that waits for writers in progress. MariaDB may end it to resolve a deadlock of table
/// locks; then it is retried a little later, for ten seconds in all. A try waits for its locks no longer than
/// what is left of these seconds, whatever the session's own settings are.
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
        // The unit is whole seconds, and zero would mean not to wait at all.
        let seconds = left.as_secs_f64().ceil().max(1.0);
        let bounded = format!(
            "SET STATEMENT {with}lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds} FOR {sql}"
        );
        match db.run_text(&bounded).await {
            Err(error) if is_deadlock(&error) && Instant::now() < deadline => {}
            done => return done.map(|_| ()),
        }
        // The server does the waiting, because this crate has no runtime of its own.
        let wait = backoff.next_wait().as_secs_f64();
        db.run_text(&format!("DO SLEEP({wait})")).await?;
    }
}

/// Whether the error is a deadlock (1213) or a lock wait that has timed out (1205).
fn is_deadlock(error: &DbErr) -> bool {
    matches!(mariadb_number(error), Some(1205 | 1213))
}
