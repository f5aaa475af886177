//! Foreign keys by which the database itself would change tracked rows, where no hook runs.
//!
//! Read from the catalogue once per connection, before its first delete or update. A statement that
//! would set off such a key is refused.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::capture::Registry;
use crate::error::CaptureError;
use crate::log::Operation;

/// A foreign key with an action that writes rows of `child`.
#[derive(Debug)]
struct ForeignKey {
    child: String,
    parent: String,
    /// Of the parent.
    column: String,
    on_delete: bool,
    on_update: bool,
}

/// Where a delete or update of a table would change tracked rows by itself.
#[derive(Debug, Default)]
pub(super) struct Cascades {
    /// Table to a tracked table that a delete of its rows reaches.
    on_delete: BTreeMap<String, String>,
    /// (table, column) to a tracked table that an update of the column reaches.
    on_update: BTreeMap<(String, String), String>,
}

const SQLITE: &str = r#"SELECT t.name AS "child", f."table" AS "parent",
    COALESCE(f."to", 'rowid') AS "col", f.on_delete AS "del", f.on_update AS "upd"
    FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'"#;

const POSTGRES: &str = r#"SELECT c.relname AS "child", p.relname AS "parent", a.attname AS "col",
    k.confdeltype::text AS "del", k.confupdtype::text AS "upd"
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)
    WHERE k.contype = 'f'"#;

const MARIADB: &str = "SELECT u.TABLE_NAME AS `child`, u.REFERENCED_TABLE_NAME AS `parent`,
    u.REFERENCED_COLUMN_NAME AS `col`, r.DELETE_RULE AS `del`, r.UPDATE_RULE AS `upd`
    FROM information_schema.KEY_COLUMN_USAGE u
    JOIN information_schema.REFERENTIAL_CONSTRAINTS r
      ON r.CONSTRAINT_SCHEMA = u.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = u.CONSTRAINT_NAME
      AND r.TABLE_NAME = u.TABLE_NAME
    WHERE u.TABLE_SCHEMA = DATABASE() AND u.REFERENCED_TABLE_NAME IS NOT NULL";

impl Cascades {
    /// Reads the catalogue.
    pub(super) async fn read<C: ConnectionTrait>(db: &C, tracked: Registry) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let sql = match backend {
            DbBackend::Sqlite => SQLITE,
            DbBackend::MySql => MARIADB,
            _ => POSTGRES,
        };
        let rows = db
            .query_all_raw(Statement::from_string(backend, sql))
            .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let text = |name: &str| row.try_get::<String>("", name);
            keys.push(ForeignKey {
                child: text("child")?.to_lowercase(),
                parent: text("parent")?.to_lowercase(),
                column: text("col")?.to_lowercase(),
                on_delete: writes(&text("del")?),
                on_update: writes(&text("upd")?),
            });
        }
        Ok(Self::of(&keys, tracked))
    }

    fn of(keys: &[ForeignKey], tracked: Registry) -> Self {
        let mut cascades = Self::default();
        for key in keys {
            if key.on_delete
                && let Some(table) = reached(keys, &key.child, tracked)
            {
                cascades.on_delete.insert(key.parent.clone(), table);
            }
            if key.on_update
                && let Some(table) = reached(keys, &key.child, tracked)
            {
                let column = (key.parent.clone(), key.column.clone());
                cascades.on_update.insert(column, table);
            }
        }
        cascades
    }

    /// Refuses a statement that would change tracked rows by itself.
    pub(super) fn check(
        &self,
        table: &str,
        operation: Operation,
        sql: &str,
    ) -> Result<(), CaptureError> {
        let table = table.to_lowercase();
        let reached = match operation {
            Operation::Insert => None,
            Operation::Delete => self.on_delete.get(&table),
            Operation::Update => self.on_update.iter().find_map(|((parent, column), child)| {
                (*parent == table && sets(sql, column)).then_some(child)
            }),
        };
        match reached {
            None => Ok(()),
            Some(child) => Err(CaptureError::Cascade {
                parent: table,
                child: child.clone(),
                operation,
            }),
        }
    }

    /// Whether raw SQL that writes the table might change tracked rows by itself.
    pub(super) fn concerns(&self, table: &str) -> bool {
        self.on_delete.contains_key(table)
            || self.on_update.keys().any(|(parent, _)| parent == table)
    }
}

/// CASCADE, SET NULL and SET DEFAULT, in the catalogues' words.
fn writes(action: &str) -> bool {
    matches!(
        action,
        "CASCADE" | "SET NULL" | "SET DEFAULT" | "c" | "n" | "d"
    )
}

/// A tracked table among `table` and what deletes of its rows cascade to.
fn reached(keys: &[ForeignKey], table: &str, tracked: Registry) -> Option<String> {
    let mut seen = BTreeSet::from([table]);
    let mut open = vec![table];
    while let Some(table) = open.pop() {
        if tracked.is_tracked(table) {
            return Some(table.to_owned());
        }
        for key in keys
            .iter()
            .filter(|key| key.on_delete && key.parent == table)
        {
            if seen.insert(&key.child) {
                open.push(&key.child);
            }
        }
    }
    None
}

/// Whether a built UPDATE assigns the column: it stands, quoted, before the WHERE.
fn sets(sql: &str, column: &str) -> bool {
    let sql = sql.to_lowercase();
    let assignments = sql.split(" where ").next().unwrap_or(&sql);
    assignments.contains(&format!("\"{column}\" ="))
        || assignments.contains(&format!("`{column}` ="))
}
