//! Foreign keys by which the database itself would change tracked rows, where no hook runs.
//!
//! Read from the catalogue once per connection, before its first delete or update. A statement that
//! would set off such a key is refused.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr};

use crate::database;
use crate::error::CaptureError;
use crate::log::Operation;
use crate::registry::Registry;

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

/// The foreign keys whose actions write a tracked table where nothing records it: that table, and the
/// one it refers to. `captured` are the tables, in lower case, for which triggers write.
///
/// # Errors
/// What the database says.
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

/// What comes before an upsert's assignments, in the words of built statements.
const UPSERTS: [&str; 2] = [" do update set ", " on duplicate key update "];

/// What a built INSERT may do to rows that it finds.
pub(super) fn beside_insert(sql: &str) -> Option<Operation> {
    let sql = sql.to_lowercase();
    // A row in the way is deleted first.
    let replaces = sql.starts_with("replace ") || outside(&sql, " replace into ").is_some();
    let updates = || UPSERTS.iter().any(|words| outside(&sql, words).is_some());
    match replaces {
        true => Some(Operation::Delete),
        false => updates().then_some(Operation::Update),
    }
}

/// Whether a built UPDATE or upsert assigns the column: it stands, quoted, before the statement's own
/// WHERE.
fn sets(sql: &str, column: &str) -> bool {
    let sql = sql.to_lowercase();
    let start = UPSERTS.iter().find_map(|words| outside(&sql, words));
    let sql = &sql[start.unwrap_or(0)..];
    let assignments = outside(sql, " where ").map_or(sql, |end| &sql[..end]);
    assignments.contains(&format!("\"{column}\" ="))
        || assignments.contains(&format!("`{column}` ="))
}

/// Where the words first stand outside quotes and parentheses: a value may be a query with its own.
fn outside(sql: &str, words: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in sql.char_indices() {
        match (quote, c) {
            (Some(mark), _) if mark == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ' ') if depth == 0 && sql[at..].starts_with(words) => return Some(at),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{beside_insert, sets};
    use crate::log::Operation;

    #[test]
    fn columns_that_an_update_assigns() {
        for (sql, expected) in [
            (r#"UPDATE "t" SET "id" = $1 WHERE "x" = $2"#, true),
            ("UPDATE `t` SET `id` = ?", true),
            (r#"UPDATE "t" SET "x" = $1 WHERE "id" = $2"#, false),
            (
                r#"UPDATE "t" SET "x" = (SELECT "y" FROM "u" WHERE "z" = $1), "id" = $2"#,
                true,
            ),
            (
                r#"UPDATE "t" SET "x" = (SELECT (1) FROM "u" WHERE ")" = $1) WHERE "id" = $2"#,
                false,
            ),
            (
                r#"UPDATE "t" SET "x" = ' where ', "id" = 1 WHERE TRUE"#,
                true,
            ),
            (
                r#"INSERT INTO "t" ("id") SELECT $1 WHERE "id" = $2 ON CONFLICT ("x") WHERE "id" = 3
                   DO UPDATE SET "x" = "excluded"."x" WHERE "t"."id" = 4"#,
                false,
            ),
            (
                r#"INSERT INTO "t" ("id") VALUES ($1) ON CONFLICT ("x") DO UPDATE SET "id" = "excluded"."id""#,
                true,
            ),
            (
                "INSERT INTO `t` (`id`) VALUES (?) ON DUPLICATE KEY UPDATE `x` = 1, `id` = VALUES(`id`)",
                true,
            ),
        ] {
            assert_eq!(sets(sql, "id"), expected, "{sql}");
        }
    }

    #[test]
    fn inserts_that_change_rows() {
        for (sql, expected) in [
            (r#"INSERT INTO "t" ("x") VALUES (' do update set ')"#, None),
            (
                r#"INSERT INTO "t" ("x") VALUES ($1) ON CONFLICT DO NOTHING"#,
                None,
            ),
            ("REPLACE INTO `t` (`x`) VALUES (?)", Some(Operation::Delete)),
            (
                "INSERT INTO `t` (`x`) VALUES (?) ON DUPLICATE KEY UPDATE `x` = 1",
                Some(Operation::Update),
            ),
        ] {
            assert_eq!(beside_insert(sql), expected, "{sql}");
        }
    }
}
