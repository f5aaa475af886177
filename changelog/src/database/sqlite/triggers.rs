//! The triggers of SQLite.
//!
//! An image is a JSON object of strings, each with a leading letter for the storage class: `i` integer, `r`
//! real (17 digits), `t` text, `b` blob (hexadecimal). So no value can make the statement fail, and text that
//! is not UTF-8 is kept byte by byte.
//!
//! A REPLACE removes rows without firing their DELETE triggers, unless `recursive_triggers` is on. A BEFORE
//! trigger therefore keeps the rows that the key and each unique index will remove; after the statement those
//! that are gone are logged. If the DELETE triggers fired nevertheless, the change that they logged for a row
//! that has come back is removed again within the same statement.
//!
//! This is rare, and costs more than everything else. So each event has one trigger for the usual case and
//! others for the rare ones, distinguished by their WHEN. SQLite does not promise in which order triggers
//! fire: no change is lost or doubled in any order. It does fire the youngest first, which is why those for
//! replaced rows are created last: their changes then come first.

mod text;

use text::{are_other, context, json, literal, quoted};

use crate::database::plan::{MOST_OF_METADATA, MOST_OF_NAME, Piece, Plan, piece_name};
use crate::shape::Shown;

pub(super) use text::image_of;

pub(super) fn pieces(plan: &Plan<'_>) -> Vec<Piece> {
    let sql = Sql::new(plan);
    let triggers = [
        sql.before_insert(),
        sql.insert(),
        sql.replace(),
        sql.before_update(),
        sql.update(),
        sql.update_replace(),
        sql.update_key(),
        sql.delete(),
        sql.delete_kept(),
    ];
    triggers
        .into_iter()
        .map(|trigger| {
            let piece = piece_name(trigger.kind, plan.entity);
            let Trigger { event, when, .. } = &trigger;
            let (called, table) = (quoted(&piece), quoted(plan.entity));
            let body: String = trigger
                .steps
                .iter()
                .map(|step| format!("{step};\n"))
                .collect();
            Piece {
                sql: format!(
                    "CREATE TRIGGER {called} {event} ON {table} WHEN {when} BEGIN\n{body}END"
                ),
                name: piece,
            }
        })
        .collect()
}

struct Trigger {
    kind: &'static str,
    event: String,
    when: String,
    steps: Vec<String>,
}

impl Trigger {
    fn new(kind: &'static str, event: impl Into<String>, when: String, steps: Vec<String>) -> Self {
        let event = event.into();
        Self {
            kind,
            event,
            when,
            steps,
        }
    }
}

/// Whether any row of any table is kept. This is rare, and cheap to test.
const ANY_KEPT: &str = "EXISTS (SELECT 1 FROM change_replaced)";

/// The mark of a kept row that has come back, from its INSERT to the table's next.
const DONE: &str = "'d'";

/// The parts of the triggers' statements.
struct Sql<'a> {
    plan: &'a Plan<'a>,
    entity: String,
}

impl<'a> Sql<'a> {
    fn new(plan: &'a Plan<'a>) -> Self {
        Self {
            entity: literal(plan.entity),
            plan,
        }
    }

    /// The key of a row (`NEW`, `OLD` or an alias) as JSON.
    fn key(&self, row: &str) -> String {
        text::key(self.plan.version, row)
    }

    /// The image of a row.
    fn image(&self, row: &str) -> String {
        image_of(self.plan.version, row)
    }

    /// The image of the row after an update, which says which redacted columns have changed.
    fn updated_image(&self) -> String {
        text::updated_image(self.plan.version)
    }

    /// Whether an update has changed a shown or redacted column.
    fn differs(&self) -> String {
        let columns = self.plan.version.columns.iter();
        are_other(columns.filter(|column| column.shown != Shown::Not))
    }

    /// Whether an update has changed the key.
    fn is_moved(&self) -> String {
        are_other(self.plan.version.keys())
    }

    /// A statement that logs one change for each row of `from`.
    fn log(&self, operation: &str, key: &str, images: [&str; 2], from: &str, when: &str) -> String {
        let [before, after] = images;
        let Self { entity, plan } = self;
        let version = plan.version.version;
        format!(
            "INSERT INTO change_log (entity, row_key, operation, \"before\", \"after\", actor,
               mutation_id, metadata, transaction_id, source, schema_version, recorded_at)
             SELECT {entity}, {key}, '{operation}', {before}, {after}, {actor}, {mutation_id},
               {metadata}, COALESCE(x.transaction_id, lower(hex(randomblob(16)))), 'trigger',
               {version}, strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000+00:00'
             FROM change_capture c LEFT JOIN change_context x ON x.id = 1 {from}
             WHERE c.entity = {entity} AND c.writer = 'trigger' AND {when}",
            actor = context("actor", MOST_OF_NAME),
            mutation_id = context("mutation_id", MOST_OF_NAME),
            metadata = context("metadata", MOST_OF_METADATA),
        )
    }

    /// The condition for rows that are kept for this write.
    fn kept(&self, written: &str) -> String {
        format!("entity = {} AND written IN ({written})", self.entity)
    }

    /// The same condition where the kept rows are called `r`.
    fn kept_as_r(&self, written: &str) -> String {
        format!("r.entity = {} AND r.written IN ({written})", self.entity)
    }

    /// Whether such a row is kept.
    fn is_kept(&self, which: &str) -> String {
        format!("({ANY_KEPT} AND EXISTS (SELECT 1 FROM change_replaced WHERE {which}))")
    }

    /// The conditions under which a row `t` must go for the row `NEW`: the same key, or the same values in a
    /// unique index.
    fn ways(&self) -> Vec<String> {
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
        ways
    }

    /// Whether the row `NEW` may replace a row.
    fn may_replace(&self, also: &str) -> String {
        let table = quoted(self.plan.entity);
        let found = self.ways().into_iter();
        let found = found.map(|way| format!("EXISTS (SELECT 1 FROM {table} t WHERE {way}{also})"));
        found.collect::<Vec<_>>().join(" OR ")
    }

    /// Keeps the rows that the row `NEW` may replace because of its key or a unique index.
    fn keep(&self, written: &str, also: &str) -> String {
        let table = quoted(self.plan.entity);
        let place = match self.plan.table.without_rowid {
            true => "NULL",
            false => "t.rowid",
        };
        format!(
            "INSERT OR REPLACE INTO change_replaced (entity, written, row_key, place, image)
             SELECT {}, {written}, {}, {place}, {} FROM {table} t WHERE ({}){also}",
            self.entity,
            self.key("t"),
            self.image("t"),
            self.ways().join(" OR ")
        )
    }

    fn forget(&self, which: &str) -> String {
        format!("DELETE FROM change_replaced WHERE {which}")
    }

    /// The mark of an INSERT among the kept rows. Before the INSERT runs, a key that the database assigns is
    /// -1.
    fn inserted(&self) -> String {
        format!("'i' || {}", self.key("NEW"))
    }

    fn inserted_either_way(&self) -> String {
        let mut names = vec![self.inserted()];
        let mut keys = self.plan.version.keys();
        if let (Some(only), None) = (keys.next(), keys.next()) {
            let column = json(&only.name);
            names.push(literal(&format!("i{{{column}:-1}}")));
            names.push(literal(&format!("i{{{column}:null}}")));
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

    /// Rows that are kept for this INSERT, and those of an earlier one.
    fn inserted_or_done(&self) -> String {
        format!("{}, {DONE}", self.inserted_either_way())
    }

    fn before_insert(&self) -> Trigger {
        let kept = self.kept(&self.inserted_or_done());
        let when = format!("{} OR {}", self.may_replace(""), self.is_kept(&kept));
        let steps = vec![self.forget(&kept), self.keep(&self.inserted(), "")];
        Trigger::new("before_insert", "BEFORE INSERT", when, steps)
    }

    /// A new row.
    fn insert(&self) -> Trigger {
        let key = self.key("NEW");
        let same = format!(
            "{} AND row_key = {key}",
            self.kept(&self.inserted_or_done())
        );
        let when = format!("NOT {}", self.is_kept(&same));
        let log = self.log("insert", &key, ["NULL", &self.image("NEW")], "", "1");
        Trigger::new("insert", "AFTER INSERT", when, vec![log])
    }

    /// A row that replaces others, perhaps one with the same key.
    fn replace(&self) -> Trigger {
        let key = self.key("NEW");
        let kept = self.kept(&self.inserted_either_way());
        let kept_as_r = self.kept_as_r(&self.inserted_either_way());
        let replaced = "JOIN change_replaced r";
        let of_row = format!("{kept_as_r} AND r.row_key = {key}");
        let is_gone = self.is_gone();
        let of_others =
            format!("{kept_as_r} AND r.row_key <> {key} AND r.log_id IS NULL AND {is_gone}");
        let after = self.image("NEW");
        let steps = vec![
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
            self.forget(&format!("{kept} AND row_key <> {key}")),
            // If the trigger for new rows fires later, this mark says that the row is not new.
            format!("UPDATE OR REPLACE change_replaced SET written = {DONE} WHERE {kept}"),
        ];
        Trigger::new("replace", "AFTER INSERT", self.is_kept(&kept), steps)
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

    fn before_update(&self) -> Trigger {
        let own = match self.plan.table.without_rowid {
            true => format!(" AND ({}) <> ({})", self.key("t"), self.key("OLD")),
            false => " AND t.rowid <> OLD.rowid".to_owned(),
        };
        let kept = self.kept(&self.updated());
        let when = format!("{} OR {}", self.may_replace(&own), self.is_kept(&kept));
        let steps = vec![self.forget(&kept), self.keep(&self.updated(), &own)];
        Trigger::new("before_update", self.unique_update(), when, steps)
    }

    /// A row with other values and the same key.
    fn update(&self) -> Trigger {
        let when = format!("NOT {} AND {}", self.is_moved(), self.differs());
        let images = [&*self.image("OLD"), &self.updated_image()];
        let log = self.log("update", &self.key("NEW"), images, "", "1");
        Trigger::new("update", "AFTER UPDATE", when, vec![log])
    }

    /// The kept rows that an UPDATE no longer needs once it has run, including those of an upsert whose
    /// INSERT became this UPDATE.
    fn kept_by_update(&self) -> String {
        format!(
            "entity = {} AND (written IN ({}, {}) OR row_key = {})",
            self.entity,
            self.updated(),
            self.inserted(),
            self.key("OLD")
        )
    }

    /// Logs the rows that an UPDATE has replaced.
    fn log_replaced(&self) -> String {
        let of_others = format!(
            "{} AND r.log_id IS NULL AND (r.row_key = {} OR {})",
            self.kept_as_r(&self.updated()),
            self.key("NEW"),
            self.is_gone()
        );
        let images = ["r.image", "NULL"];
        let replaced = "JOIN change_replaced r";
        self.log("delete", "r.row_key", images, replaced, &of_others)
    }

    /// Rows that were replaced by one that has kept its key.
    fn update_replace(&self) -> Trigger {
        let kept = self.kept_by_update();
        let when = format!("NOT {} AND {}", self.is_moved(), self.is_kept(&kept));
        let steps = vec![self.log_replaced(), self.forget(&kept)];
        Trigger::new("update_replace", "AFTER UPDATE", when, steps)
    }

    /// A row with another key, and the rows that it replaced.
    fn update_key(&self) -> Trigger {
        let (old, new) = (self.key("OLD"), self.key("NEW"));
        let (before, after) = (self.image("OLD"), self.updated_image());
        let same = format!("({old}) = ({new})");
        let moved = format!("({old}) <> ({new})");
        let steps = vec![
            self.log_replaced(),
            self.log("update", &new, [&before, &after], "", &same),
            self.log("delete", &old, [&before, "NULL"], "", &moved),
            self.log("insert", &new, ["NULL", &after], "", &moved),
            self.forget(&self.kept_by_update()),
        ];
        Trigger::new("update_key", "AFTER UPDATE", self.is_moved(), steps)
    }

    fn log_delete(&self) -> String {
        let images = [&*self.image("OLD"), "NULL"];
        self.log("delete", &self.key("OLD"), images, "", "1")
    }

    fn delete(&self) -> Trigger {
        let when = format!("NOT {ANY_KEPT}");
        Trigger::new("delete", "AFTER DELETE", when, vec![self.log_delete()])
    }

    /// A row that is deleted and may come back in the same statement.
    fn delete_kept(&self) -> Trigger {
        let steps = vec![
            self.log_delete(),
            format!(
                "UPDATE change_replaced SET log_id = last_insert_rowid()
                 WHERE entity = {entity} AND row_key = {key} AND EXISTS
                   (SELECT 1 FROM change_capture WHERE entity = {entity} AND writer = 'trigger')",
                entity = self.entity,
                key = self.key("OLD")
            ),
        ];
        Trigger::new("delete_kept", "AFTER DELETE", ANY_KEPT.to_owned(), steps)
    }
}
