//! Capture by database triggers: every write to a table, whoever makes it, in the change log.
//!
//! A trigger writes the database's own text of each value; [`decode`] makes the canonical image of
//! it when the log is read, by the columns that [`schema`] keeps for each version of the table. The
//! migration calls here make triggers, keep them right around schema changes and switch a table
//! between hooks and triggers, so that exactly one of both writes at any moment.
//!
//! Knows the databases' catalogues and SQL. Must not know entities but by the registry of `track!`
//! lines, nor who reads the log.

mod catalogue;
mod change;
mod check;
mod decode;
mod install;
mod mariadb;
mod options;
mod postgres;
mod present;
mod rename;
mod schema;
mod sqlite;
mod switch;
mod tables;
mod values;

pub(crate) use catalogue::{column_names, computed_columns};
pub use change::{TableChange, change_tables};
pub(crate) use check::captured_tables;
pub use check::{TriggerFinding, check_triggers, tables_by_triggers};
pub(crate) use decode::decode;
pub(crate) use install::piece_name as trigger_name;
pub use options::TriggerOptions;
pub(crate) use present::settings::{Settings, pin as pin_settings};
pub(crate) use present::{Found, Place, Present, Wait};
pub(crate) use schema::{Schemas, Shown};
pub use switch::{track_by_hooks, track_by_triggers};
pub(crate) use tables::{create, drop, require_log, shapes, table_names};
pub(crate) use values::Values;

use sea_orm::{DbBackend, Statement, Value};

/// Characters that are kept of what another program gives as its actor or as a mutation's id.
const MOST_OF_NAME: usize = 255;

/// Characters that are kept of what another program gives as metadata.
const MOST_OF_METADATA: usize = 4096;

/// An SQL string literal. Sound with MariaDB's `NO_BACKSLASH_ESCAPES` on or off.
pub(crate) fn literal(text: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::MySql => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            if text.contains('\\') {
                format!("CONVERT(x'{hex}' USING utf8mb4)")
            } else {
                format!("'{}'", text.replace('\'', "''"))
            }
        }
        DbBackend::Postgres if text.contains('\\') => {
            format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}

/// A quoted name.
pub(crate) fn name(text: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::MySql => format!("`{}`", text.replace('`', "``")),
        _ => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}

/// A statement with `?` for its values, whatever the database's own marks are.
pub(crate) fn statement<const N: usize>(
    backend: DbBackend,
    sql: &str,
    values: [Value; N],
) -> Statement {
    if backend != DbBackend::Postgres {
        return Statement::from_sql_and_values(backend, sql, values);
    }
    let mut numbered = String::with_capacity(sql.len() + N);
    for (n, part) in sql.split('?').enumerate() {
        if n > 0 {
            numbered.push_str(&format!("${n}"));
        }
        numbered.push_str(part);
    }
    Statement::from_sql_and_values(backend, numbered, values)
}
