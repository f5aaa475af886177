//! Foreign keys by which the database itself would change tracked rows without any hook.
//!
//! They are read from the catalogue once for each connection, before its first delete or update. A statement
//! that would make such a key act is refused.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr};

use crate::database;
use crate::error::WriteRefusal;
use crate::log::Operation;
use crate::raw_sql::SqlText;
use crate::registry::Registry;

/// A foreign key with an action that writes rows of `child`.
#[derive(Debug)]
struct ForeignKey {
    child: String,
    parent: String,
    /// The column of the parent.
    column: String,
    on_delete: bool,
    on_update: bool,
}

/// The tracked tables whose rows a delete or update of another table would change.
#[derive(Debug, Default)]
pub(super) struct Cascades {
    /// For each table, the tracked tables that a delete of its rows reaches.
    on_delete: BTreeMap<String, BTreeSet<String>>,
    /// For each table and column, the tracked tables that an update of the column reaches.
    on_update: BTreeMap<(String, String), BTreeSet<String>>,
    /// Whether the writes of a foreign key's action fire triggers.
    fires_triggers: bool,
}

async fn foreign_keys<C: ConnectionTrait>(db: &C) -> Result<Vec<ForeignKey>, DbErr> {
    let dialect = database::of(db);
    let ask = dialect.statement(dialect.catalogue().foreign_keys, Vec::new());
    let rows = db.query_all_raw(ask).await?;
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

/// The foreign keys whose actions write a tracked table without a record: that table, and the one to which it
/// refers. `captured` are the tables, in lower case, that triggers capture.
///
/// # Errors
/// Errors of the database.
pub(crate) async fn escaping<C: ConnectionTrait>(
    db: &C,
    captured: &BTreeSet<String>,
) -> Result<BTreeSet<(String, String)>, DbErr> {
    let fires_triggers = database::of(db).facts().cascades_fire_triggers;
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
        cascades.fires_triggers = database::of(db).facts().cascades_fire_triggers;
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
        text: &SqlText<'_>,
        captured: &BTreeSet<String>,
    ) -> Result<(), WriteRefusal> {
        let table = table.to_lowercase();
        let escapes = |tables: &BTreeSet<String>| self.escaping(tables, captured).next().cloned();
        let reached = match operation {
            Operation::Insert => None,
            Operation::Delete => self.on_delete.get(&table).and_then(escapes),
            Operation::Update => self
                .on_update
                .iter()
                .find_map(|((parent, column), tables)| {
                    (*parent == table && text.may_assign(column)).then(|| escapes(tables))?
                }),
        };
        match reached {
            None => Ok(()),
            Some(child) => Err(WriteRefusal::Cascade {
                parent: table,
                child,
                operation,
            }),
        }
    }

    /// Those of the tables for which nothing would record the write.
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

/// Whether the action is CASCADE, SET NULL or SET DEFAULT, in the words of the catalogues.
fn writes(action: &str) -> bool {
    matches!(
        action,
        "CASCADE" | "SET NULL" | "SET DEFAULT" | "c" | "n" | "d"
    )
}

/// The tracked tables among `table` and those to which deletes of its rows cascade.
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
