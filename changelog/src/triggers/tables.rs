//! The tables that capture by triggers needs beside the log.

use sea_orm::{ConnectionTrait, DbErr};

use crate::catalogue::is_there;
use crate::database::{self, Dialect, Facts};
use crate::error::CaptureError;

/// Who writes for a table, who shall once a migration is through, and which version of it is the
/// newest. No row: hooks, version 1.
const CAPTURE: &str = "change_capture (entity varchar(255) NOT NULL PRIMARY KEY,
    writer varchar(7) NOT NULL, wanted varchar(7) NOT NULL, version integer NOT NULL)";

/// The tables that should be there and their columns.
pub(crate) fn shapes(dialect: &dyn Dialect) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut shapes = vec![
        (
            "change_capture",
            vec!["entity", "writer", "wanted", "version"],
        ),
        ("change_schema", vec!["entity", "version", "columns"]),
    ];
    let own = dialect.facts().capture_shapes.iter();
    shapes.extend(own.map(|(table, columns)| (*table, columns.to_vec())));
    shapes
}

/// Creates what is not there yet.
pub(crate) async fn create<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let dialect = database::of(db);
    let Facts {
        long_text,
        table_tail,
        ..
    } = dialect.facts();
    let schema = format!(
        "change_schema (entity varchar(255) NOT NULL, version integer NOT NULL,
         columns {long_text} NOT NULL, PRIMARY KEY (entity, version))"
    );
    let mut tables = vec![CAPTURE.to_owned(), schema];
    tables.extend(dialect.capture_tables());
    for table in tables {
        let called = table.split(' ').next().unwrap_or_default();
        // Not left to IF NOT EXISTS alone: MariaDB shuts the table for a moment even if it is there.
        if is_there(db, called).await? {
            continue;
        }
        let sql = format!("CREATE TABLE IF NOT EXISTS {table}{table_tail}");
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Refuses to go on without the log into which triggers and baselines write: found out here, not by
/// the first write of the table.
///
/// # Errors
/// [`CaptureError::NoChangeLog`]; what the database says.
pub(crate) async fn require_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    for table in database::of(db).facts().logs() {
        if !is_there(db, table).await? {
            return Err(CaptureError::NoChangeLog.into());
        }
    }
    Ok(())
}

/// Drops what [`create`] creates.
pub(crate) async fn drop<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    for table in [
        "change_capture",
        "change_schema",
        "change_context",
        "change_replaced",
    ] {
        let sql = format!("DROP TABLE IF EXISTS {table}");
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}
