//! The triggers of SQLite.
//!
//! An image is a JSON object of strings, each with a letter before it that tells the storage class:
//! `i` integer, `r` real (17 digits), `t` text, `b` blob (hexadecimal). So no value can make the
//! statement fail, and text that is no UTF-8 is kept byte by byte.
//!
//! A REPLACE removes rows without firing their DELETE triggers, unless `recursive_triggers` is on. A
//! BEFORE trigger therefore keeps what the key and each unique index will remove; after the statement
//! what is no longer there is logged. Where the DELETE triggers fired all the same, their change of
//! the row that came back is taken out again within the same statement.

use sea_orm::DbBackend;

use super::install::{Piece, Plan, piece_name};
use super::schema::{Column, Shown, Version};
use super::{literal, name};
use crate::capture::{REDACTED, REDACTED_CHANGED};

/// Terms of one concatenation: nested ones keep the expression's depth below SQLite's 1,000.
const TERMS: usize = 20;

pub(super) fn pieces(plan: &Plan<'_>) -> Vec<Piece> {
    let sql = Sql::new(plan);
    let triggers = [
        (
            "before_insert",
            "BEFORE INSERT".to_owned(),
            sql.before_insert(),
        ),
        ("insert", "AFTER INSERT".to_owned(), sql.insert()),
        ("before_update", sql.unique_update(), sql.before_update()),
        ("update", "AFTER UPDATE".to_owned(), sql.update()),
        ("delete", "AFTER DELETE".to_owned(), sql.delete()),
    ];
    triggers
        .into_iter()
        .map(|(kind, when, steps)| {
            let piece = piece_name(kind, plan.entity);
            let trigger = quoted(&piece);
            let table = quoted(plan.entity);
            let body: String = steps.iter().map(|step| format!("{step};\n")).collect();
            Piece {
                sql: format!("CREATE TRIGGER {trigger} {when} ON {table} BEGIN\n{body}END"),
                name: piece,
            }
        })
        .collect()
}

fn quoted(text: &str) -> String {
    name(text, DbBackend::Sqlite)
}

/// Whether an update has given a column another value.
fn is_other(column: &Column) -> String {
    let column = quoted(&column.name);
    format!("(OLD.{column} IS NOT NEW.{column} OR typeof(OLD.{column}) <> typeof(NEW.{column}))")
}

fn text(text: &str) -> String {
    literal(text, DbBackend::Sqlite)
}

/// The image of a row (`NEW`, `OLD` or an alias).
pub(super) fn image_of(version: &Version, row: &str) -> String {
    image_with(version, row, |start, _| {
        text(&format!("{start}:\"{REDACTED}\""))
    })
}

fn image_with(version: &Version, row: &str, redacted: impl Fn(&str, &Column) -> String) -> String {
    let shown = version.columns.iter();
    let parts = shown
        .filter(|column| column.shown != Shown::Not)
        .map(|column| {
            let value = format!("{row}.{}", quoted(&column.name));
            let start = json(&column.name);
            if column.shown == Shown::Redacted {
                return redacted(&start, column);
            }
            let start = text(&format!("{start}:"));
            format!(
                "{start} || CASE typeof({value}) WHEN 'null' THEN 'null'
                 WHEN 'text' THEN json_quote('t' || {value})
                 WHEN 'integer' THEN '\"i' || {value} || '\"'
                 WHEN 'real' THEN '\"r' || printf('%!.17g', {value}) || '\"'
                 ELSE '\"b' || hex({value}) || '\"' END"
            )
        });
    object(parts)
}

/// The parts of the triggers' statements.
struct Sql<'a> {
    plan: &'a Plan<'a>,
    entity: String,
}

impl<'a> Sql<'a> {
    fn new(plan: &'a Plan<'a>) -> Self {
        Self {
            entity: text(plan.entity),
            plan,
        }
    }

    /// The key of a row (`NEW`, `OLD` or an alias) as JSON.
    fn key(&self, row: &str) -> String {
        let mut keys: Vec<&Column> = self.plan.version.keys().collect();
        keys.sort_by(|left, right| left.name.cmp(&right.name));
        let parts = keys.iter().map(|key| {
            let value = format!("{row}.{}", quoted(&key.name));
            // A UUID is a blob of 16 bytes.
            let part = |from: u8, length: u8| format!("substr(hex({value}), {from}, {length})");
            let uuid = [
                part(1, 8),
                part(9, 4),
                part(13, 4),
                part(17, 4),
                part(21, 12),
            ];
            let uuid = uuid.join(" || '-' || ");
            format!(
                "{} || CASE typeof({value}) WHEN 'null' THEN 'null' WHEN 'integer' THEN {value}
                 WHEN 'text' THEN json_quote({value}) WHEN 'real' THEN printf('\"%!.17g\"', {value})
                 ELSE '\"' || lower({uuid}) || '\"' END",
                text(&format!("{}:", json(&key.name)))
            )
        });
        object(parts)
    }

    /// The image of a row.
    fn image(&self, row: &str) -> String {
        image_of(self.plan.version, row)
    }

    /// The image of the row that an update has left: it tells which redacted columns have changed.
    fn updated_image(&self) -> String {
        image_with(self.plan.version, "NEW", |start, column| {
            let same = text(&format!("{start}:\"{REDACTED}\""));
            let changed = text(&format!("{start}:\"{REDACTED_CHANGED}\""));
            let is_other = is_other(column);
            format!("CASE WHEN {is_other} THEN {changed} ELSE {same} END")
        })
    }

    /// Whether a shown or redacted column differs.
    fn differs(&self) -> String {
        format!("({}) <> ({})", self.image("OLD"), self.updated_image())
    }

    /// A statement that logs one change for each row of `from`.
    fn log(&self, operation: &str, key: &str, images: [&str; 2], from: &str, when: &str) -> String {
        let [before, after] = images;
        let Self { entity, plan } = self;
        let version = plan.version.version;
        format!(
            "INSERT INTO change_log (entity, row_key, operation, \"before\", \"after\", actor,
               mutation_id, metadata, transaction_id, source, schema_version, recorded_at)
             SELECT {entity}, {key}, '{operation}', {before}, {after}, x.actor, x.mutation_id,
               x.metadata, COALESCE(x.transaction_id, lower(hex(randomblob(16)))), 'trigger',
               {version}, strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00'
             FROM change_capture c LEFT JOIN change_context x ON x.id = 1 {from}
             WHERE c.entity = {entity} AND c.writer = 'trigger' AND {when}"
        )
    }

    /// What of the rows kept for this write concerns it.
    fn kept(&self, written: &str) -> String {
        format!("entity = {} AND written IN ({written})", self.entity)
    }

    /// Keeps the rows that a unique index or the key lets the row `NEW` replace.
    fn keep(&self, written: &str, also: &str) -> String {
        let table = quoted(self.plan.entity);
        let place = match self.plan.table.without_rowid {
            true => "NULL",
            false => "t.rowid",
        };
        let keys = self.plan.version.keys().map(|key| quoted(&key.name));
        let same_key = keys.map(|key| format!("t.{key} = NEW.{key}"));
        let same_key = same_key.collect::<Vec<_>>().join(" AND ");
        let mut ways = vec![format!("({same_key})")];
        for unique in &self.plan.table.uniques {
            let columns = unique.columns.iter().map(|(column, collation)| {
                let (column, collation) = (quoted(column), quoted(collation));
                format!("t.{column} = NEW.{column} COLLATE {collation}")
            });
            ways.push(format!("({})", columns.collect::<Vec<_>>().join(" AND ")));
        }
        format!(
            "INSERT OR REPLACE INTO change_replaced (entity, written, row_key, place, image)
             SELECT {}, {written}, {}, {place}, {} FROM {table} t WHERE ({}){also}",
            self.entity,
            self.key("t"),
            self.image("t"),
            ways.join(" OR ")
        )
    }

    fn forget(&self, which: &str) -> String {
        format!("DELETE FROM change_replaced WHERE {which}")
    }

    /// How an INSERT is named among the kept rows. Before it runs, a key that the database assigns
    /// is -1.
    fn inserted(&self) -> String {
        format!("'i' || {}", self.key("NEW"))
    }

    fn inserted_either_way(&self) -> String {
        let mut names = vec![self.inserted()];
        let mut keys = self.plan.version.keys();
        if let (Some(only), None) = (keys.next(), keys.next()) {
            let column = json(&only.name);
            names.push(text(&format!("i{{{column}:-1}}")));
            names.push(text(&format!("i{{{column}:null}}")));
        }
        names.join(", ")
    }

    fn updated(&self) -> String {
        format!("'u' || {}", self.key("NEW"))
    }

    /// Whether a kept row `r` is no longer there.
    fn is_gone(&self) -> String {
        let table = quoted(self.plan.entity);
        let found = match self.plan.table.without_rowid {
            true => format!("({}) = r.row_key", self.key("t")),
            false => "t.rowid = r.place".to_owned(),
        };
        format!("NOT EXISTS (SELECT 1 FROM {table} t WHERE {found})")
    }

    fn before_insert(&self) -> Vec<String> {
        let kept = self.kept(&self.inserted_either_way());
        vec![self.forget(&kept), self.keep(&self.inserted(), "")]
    }

    fn insert(&self) -> Vec<String> {
        let key = self.key("NEW");
        let kept = self.kept(&self.inserted_either_way());
        let replaced = "JOIN change_replaced r";
        let of_row =
            format!("r.{kept} AND r.row_key = {key}").replacen("AND written", "AND r.written", 1);
        let of_others = format!(
            "r.{kept} AND r.row_key <> {key} AND r.log_id IS NULL AND {}",
            self.is_gone()
        )
        .replacen("AND written", "AND r.written", 1);
        let after = self.image("NEW");
        let is_new =
            format!("NOT EXISTS (SELECT 1 FROM change_replaced WHERE {kept} AND row_key = {key})");
        vec![
            format!(
                "DELETE FROM change_log WHERE id IN (SELECT log_id FROM change_replaced
                 WHERE {kept} AND row_key = {key})"
            ),
            self.log(
                "delete",
                "r.row_key",
                ["r.image", "NULL"],
                replaced,
                &of_others,
            ),
            self.log(
                "update",
                &key,
                ["r.image", &after],
                replaced,
                &format!("{of_row} AND r.image <> ({after})"),
            ),
            self.log("insert", &key, ["NULL", &after], "", &is_new),
            self.forget(&kept),
        ]
    }

    /// When an UPDATE may replace rows.
    fn unique_update(&self) -> String {
        let keys = self.plan.version.keys().map(|key| key.name.as_str());
        let uniques = self.plan.table.uniques.iter();
        let uniques =
            uniques.flat_map(|unique| unique.columns.iter().map(|(name, _)| name.as_str()));
        let columns: std::collections::BTreeSet<&str> = keys.chain(uniques).collect();
        let columns: Vec<String> = columns.into_iter().map(quoted).collect();
        format!("BEFORE UPDATE OF {}", columns.join(", "))
    }

    fn before_update(&self) -> Vec<String> {
        let own = match self.plan.table.without_rowid {
            true => format!(" AND ({}) <> ({})", self.key("t"), self.key("OLD")),
            false => " AND t.rowid <> OLD.rowid".to_owned(),
        };
        vec![
            self.forget(&self.kept(&self.updated())),
            self.keep(&self.updated(), &own),
        ]
    }

    fn update(&self) -> Vec<String> {
        let (old, new) = (self.key("OLD"), self.key("NEW"));
        let (before, after) = (self.image("OLD"), self.updated_image());
        let kept = self.kept(&self.updated());
        let of_others = format!(
            "r.{kept} AND r.log_id IS NULL AND (r.row_key = {new} OR {})",
            self.is_gone()
        )
        .replacen("AND written", "AND r.written", 1);
        let same = format!("({old}) = ({new}) AND {}", self.differs());
        let moved = format!("({old}) <> ({new})");
        let replaced = "JOIN change_replaced r";
        vec![
            self.log(
                "delete",
                "r.row_key",
                ["r.image", "NULL"],
                replaced,
                &of_others,
            ),
            self.log("update", &new, [&before, &after], "", &same),
            self.log("delete", &old, [&before, "NULL"], "", &moved),
            self.log("insert", &new, ["NULL", &after], "", &moved),
            // Those of an upsert, too, whose INSERT became this UPDATE.
            self.forget(&format!(
                "entity = {} AND (written IN ({}, {}) OR row_key = {old})",
                self.entity,
                self.updated(),
                self.inserted()
            )),
        ]
    }

    fn delete(&self) -> Vec<String> {
        let key = self.key("OLD");
        let before = self.image("OLD");
        vec![
            self.log("delete", &key, [&before, "NULL"], "", "1"),
            format!(
                "UPDATE change_replaced SET log_id = last_insert_rowid()
                 WHERE entity = {entity} AND row_key = {key} AND EXISTS
                   (SELECT 1 FROM change_capture WHERE entity = {entity} AND writer = 'trigger')",
                entity = self.entity
            ),
        ]
    }
}

/// A name as JSON text.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The parts, joined to a JSON object.
fn object(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.map(|part| format!("({part})")).collect();
    format!("'{{' || {} || '}}'", joined(&parts))
}

fn joined(parts: &[String]) -> String {
    if parts.len() <= TERMS {
        return parts.join(" || ',' || ");
    }
    let size = parts.len().div_ceil(TERMS);
    let groups: Vec<String> = parts
        .chunks(size)
        .map(|group| format!("({})", joined(group)))
        .collect();
    groups.join(" || ',' || ")
}
