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
    /// Table to the tracked tables that a delete of its rows reaches.
    on_delete: BTreeMap<String, BTreeSet<String>>,
    /// (table, column) to the tracked tables that an update of the column reaches.
    on_update: BTreeMap<(String, String), BTreeSet<String>>,
    /// Whether what a foreign key's action does fires triggers.
    fires_triggers: bool,
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

async fn foreign_keys<C: ConnectionTrait>(db: &C) -> Result<Vec<ForeignKey>, DbErr> {
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
    Ok(keys)
}

/// The foreign keys whose actions write a tracked table where nothing records it: that table, and the
/// one it refers to. `captured` are the tables, in lower case, for which triggers write.
///
/// # Errors
/// What the database says.
pub(crate) async fn escaping<C: ConnectionTrait>(
    db: &C,
    captured: &BTreeSet<String>,
) -> Result<BTreeSet<(String, String)>, DbErr> {
    let fires_triggers = db.get_database_backend() != DbBackend::MySql;
    let tracked = Registry::linked();
    let escapes = |key: &ForeignKey| {
        let is_captured = captured.contains(&key.child);
        (key.on_delete || key.on_update)
            && (is_captured || tracked.is_tracked(&key.child))
            && !(is_captured && fires_triggers)
    };
    let keys = foreign_keys(db).await?.into_iter().filter(escapes);
    Ok(keys.map(|key| (key.child, key.parent)).collect())
}

impl Cascades {
    /// Reads the catalogue.
    pub(super) async fn read<C: ConnectionTrait>(db: &C, tracked: Registry) -> Result<Self, DbErr> {
        let mut cascades = Self::of(&foreign_keys(db).await?, tracked);
        cascades.fires_triggers = db.get_database_backend() != DbBackend::MySql;
        Ok(cascades)
    }

    fn of(keys: &[ForeignKey], tracked: Registry) -> Self {
        let mut cascades = Self::default();
        for key in keys {
            let reached = || reached(keys, &key.child, tracked);
            if key.on_delete {
                let tables = cascades.on_delete.entry(key.parent.clone());
                tables.or_default().extend(reached());
            }
            if key.on_update {
                let column = (key.parent.clone(), key.column.clone());
                let tables = cascades.on_update.entry(column);
                tables.or_default().extend(reached());
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
        captured: &BTreeSet<String>,
    ) -> Result<(), CaptureError> {
        let table = table.to_lowercase();
        let escapes = |tables: &BTreeSet<String>| self.escaping(tables, captured).next().cloned();
        let reached = match operation {
            Operation::Insert => None,
            Operation::Delete => self.on_delete.get(&table).and_then(escapes),
            Operation::Update => self
                .on_update
                .iter()
                .find_map(|((parent, column), tables)| {
                    (*parent == table && sets(sql, column)).then(|| escapes(tables))?
                }),
        };
        match reached {
            None => Ok(()),
            Some(child) => Err(CaptureError::Cascade {
                parent: table,
                child,
                operation,
            }),
        }
    }

    /// Of these tables those that nothing would record.
    fn escaping<'a>(
        &self,
        tables: &'a BTreeSet<String>,
        captured: &BTreeSet<String>,
    ) -> impl Iterator<Item = &'a String> {
        let escapes = |table: &&String| !(self.fires_triggers && captured.contains(*table));
        tables.iter().filter(escapes)
    }

    /// The tracked tables that raw SQL which writes the table might change by itself, unrecorded.
    pub(super) fn reached_from(
        &self,
        table: &str,
        captured: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let deleted = self.on_delete.get(table).into_iter();
        let updated = self
            .on_update
            .iter()
            .filter(|((parent, _), _)| parent == table);
        let all = deleted.chain(updated.map(|(_, tables)| tables));
        all.flat_map(|tables| self.escaping(tables, captured).cloned())
            .collect()
    }

    /// Whether raw SQL that writes the table might change tracked rows by itself, unrecorded.
    pub(super) fn concerns(&self, table: &str, captured: &BTreeSet<String>) -> bool {
        !self.reached_from(table, captured).is_empty()
    }
}

/// CASCADE, SET NULL and SET DEFAULT, in the catalogues' words.
fn writes(action: &str) -> bool {
    matches!(
        action,
        "CASCADE" | "SET NULL" | "SET DEFAULT" | "c" | "n" | "d"
    )
}

/// The tracked tables among `table` and what deletes of its rows cascade to.
fn reached(keys: &[ForeignKey], table: &str, tracked: Registry) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([table]);
    let mut open = vec![table];
    while let Some(table) = open.pop() {
        if tracked.is_tracked(table) {
            found.insert(table.to_owned());
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
    found
}

/// Whether a built UPDATE assigns the column: it stands, quoted, before the WHERE.
fn sets(sql: &str, column: &str) -> bool {
    let sql = sql.to_lowercase();
    let assignments = sql.split(" where ").next().unwrap_or(&sql);
    assignments.contains(&format!("\"{column}\" ="))
        || assignments.contains(&format!("`{column}` ="))
}
