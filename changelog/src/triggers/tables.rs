//! The tables that capture by triggers needs in addition to the log.

use sea_orm::{ConnectionTrait, DbErr};

use crate::catalogue::is_there;
use crate::database::{self, Dialect, Facts};
use crate::error::SetupRefusal;

/// The current writer of a table, the writer that a migration aims at, and the newest version. A missing row
/// means hooks and version 1.
const CAPTURE: &str = "change_capture (entity varchar(255) NOT NULL PRIMARY KEY,
    writer varchar(7) NOT NULL, wanted varchar(7) NOT NULL, version integer NOT NULL)";

/// The tables that should exist, and their columns.
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

/// Creates the tables that are missing.
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
        // IF NOT EXISTS alone does not suffice: MariaDB locks the table for a moment even if it exists.
        if is_there(db, called).await? {
            continue;
        }
        let sql = format!("CREATE TABLE IF NOT EXISTS {table}{table_tail}");
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Refuses to continue without the log into which triggers and baselines write. Otherwise the first write of
/// the table would fail.
///
/// # Errors
/// [`SetupRefusal::NoChangeLog`], or an error of the database.
pub(crate) async fn require_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    for table in database::of(db).facts().logs() {
        if !is_there(db, table).await? {
            return Err(SetupRefusal::NoChangeLog.into());
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
