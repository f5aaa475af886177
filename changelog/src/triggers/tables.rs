//! The tables that capture by triggers needs beside the log.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::statement;
use crate::error::CaptureError;
use crate::migration::INBOX;

/// Who writes for a table, who shall once a migration is through, and which version of it is the
/// newest. No row: hooks, version 1.
const CAPTURE: &str = "change_capture (entity varchar(255) NOT NULL PRIMARY KEY,
    writer varchar(7) NOT NULL, wanted varchar(7) NOT NULL, version integer NOT NULL)";

const CONTEXT_COLUMNS: &str = "actor text, mutation_id text, metadata text, transaction_id text";

/// The tables that should be there and their columns.
pub(crate) fn shapes(backend: DbBackend) -> Vec<(&'static str, Vec<&'static str>)> {
    let context = ["actor", "mutation_id", "metadata", "transaction_id"];
    let with = |first: &'static str| std::iter::once(first).chain(context).collect();
    let mut shapes = vec![
        (
            "change_capture",
            vec!["entity", "writer", "wanted", "version"],
        ),
        ("change_schema", vec!["entity", "version", "columns"]),
    ];
    match backend {
        DbBackend::MySql => shapes.push(("change_context", with("connection_id"))),
        DbBackend::Sqlite => {
            shapes.push(("change_context", with("id")));
            let kept = ["entity", "written", "row_key", "place", "image", "log_id"];
            shapes.push(("change_replaced", kept.to_vec()));
        }
        _ => {}
    }
    shapes
}

/// Creates what is not there yet.
pub(crate) async fn create<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let (long, tail) = match backend {
        DbBackend::MySql => (
            "longtext",
            " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        ),
        _ => ("text", ""),
    };
    let schema = format!(
        "change_schema (entity varchar(255) NOT NULL, version integer NOT NULL,
         columns {long} NOT NULL, PRIMARY KEY (entity, version))"
    );
    let mut tables = vec![CAPTURE.to_owned(), schema];
    match backend {
        DbBackend::MySql => tables.push(format!(
            "change_context (connection_id bigint unsigned NOT NULL PRIMARY KEY, {})",
            CONTEXT_COLUMNS.replace(" text", " longtext")
        )),
        DbBackend::Sqlite => {
            tables.push(format!(
                "change_context (id integer NOT NULL PRIMARY KEY CHECK (id = 1), {CONTEXT_COLUMNS})"
            ));
            // Rows that an INSERT or UPDATE would replace, from before to after it.
            tables.push(
                "change_replaced (entity text NOT NULL, written text NOT NULL,
                 row_key text NOT NULL, place integer, image text NOT NULL, log_id integer,
                 PRIMARY KEY (entity, written, row_key)) WITHOUT ROWID"
                    .to_owned(),
            );
        }
        _ => {}
    }
    for table in tables {
        let called = table.split(' ').next().unwrap_or_default();
        // Not left to IF NOT EXISTS alone: MariaDB shuts the table for a moment even if it is there.
        if is_there(db, called).await? {
            continue;
        }
        let sql = format!("CREATE TABLE IF NOT EXISTS {table}{tail}");
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
    let written = match db.get_database_backend() {
        DbBackend::MySql => ["change_log", INBOX].as_slice(),
        _ => ["change_log"].as_slice(),
    };
    for table in written {
        if !is_there(db, table).await? {
            return Err(CaptureError::NoChangeLog.into());
        }
    }
    Ok(())
}

pub(super) async fn is_there<C: ConnectionTrait>(db: &C, table: &str) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT 1 FROM pg_class WHERE relname = ? AND relkind = 'r'
             AND relnamespace = current_schema()::regnamespace"
        }
        DbBackend::MySql => {
            "SELECT 1 FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?"
        }
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
    };
    let row = db
        .query_one_raw(statement(backend, sql, [table.into()]))
        .await?;
    Ok(row.is_some())
}

/// The tables that are in the database, by one look at its catalogue: what it says of a table's columns takes
/// MariaDB milliseconds for each.
///
/// # Errors
/// What the database says.
pub(crate) async fn table_names<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p')
             AND relnamespace = current_schema()::regnamespace"
        }
        DbBackend::MySql => {
            "SELECT TABLE_NAME AS name FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = DATABASE()"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let rows = db.query_all_raw(statement(backend, sql, [])).await?;
    let names = rows.iter().map(|row| row.try_get::<String>("", "name"));
    names.collect()
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
