//! The triggers of MariaDB, which write `change_inbox`.
//!
//! An image is a JSON object of strings: the value's own text, or hexadecimal where it is binary. The image
//! consists only of types that are known when the trigger is created.
//!
//! The trigger first reads who writes the log, with a shared lock, so that a switch waits for writers in
//! progress. The context is read without a lock: it is the row of this connection or, if there is none, the
//! session variables that another program has set.
//!
//! The inbox is written by `INSERT … VALUES`, never by `INSERT … SELECT`. For the latter InnoDB locks the
//! inbox's AUTO_INCREMENT counter until the statement that fired the trigger has ended, and every tracked
//! write of every table would wait for the longest statement of any program.

use super::types::{TEXTS, is_hexadecimal};
use super::{Dialect, MariaDb};
use crate::database::plan::{MOST_OF_METADATA, MOST_OF_NAME, Piece, Plan, piece_name};
use crate::image::{REDACTED, REDACTED_CHANGED};
use crate::shape::{Column, Shown, Version, base};

pub(super) fn pieces(plan: &Plan<'_>) -> Vec<Piece> {
    let version = plan.version;
    let (old, new) = (Row::of(version, "OLD"), Row::of(version, "NEW"));
    let updated = Row::updated(version);
    let insert = format!(
        "SET new_key = {}; SET new_row = {};\n{}{}",
        new.key,
        new.image,
        refuse_without(&["new_row"]),
        log(plan, "insert", "new_key", "NULL", "new_row")
    );
    let delete = format!(
        "SET old_key = {}; SET old_row = {};\n{}{}",
        old.key,
        old.image,
        refuse_without(&["old_row"]),
        log(plan, "delete", "old_key", "old_row", "NULL")
    );
    let update = format!(
        "SET old_key = {}; SET old_row = {};\nSET new_key = {}; SET new_row = {};
{}IF old_key <> new_key THEN\n{}{}ELSEIF {} THEN\n{}END IF;\n",
        old.key,
        old.image,
        updated.key,
        updated.image,
        refuse_without(&["old_row", "new_row"]),
        log(plan, "delete", "old_key", "old_row", "NULL"),
        log(plan, "insert", "new_key", "NULL", "new_row"),
        "old_row <> new_row",
        log(plan, "update", "new_key", "old_row", "new_row"),
    );
    let (declared, context) = (declared(), context());
    [("insert", insert), ("update", update), ("delete", delete)]
        .into_iter()
        .map(|(kind, steps)| {
            let piece = piece_name(kind, plan.entity);
            let sql = format!(
                "CREATE OR REPLACE TRIGGER {} AFTER {} ON {} FOR EACH ROW BEGIN\n{declared}\
SELECT writer INTO written_by FROM change_capture WHERE entity = {} LOCK IN SHARE MODE;
IF written_by = 'trigger' THEN\n{context}{steps}END IF;\nEND",
                quoted(&piece),
                kind.to_uppercase(),
                quoted(plan.entity),
                text(plan.entity),
            );
            Piece { name: piece, sql }
        })
        .collect()
}

/// The declarations at the start of every trigger.
///
/// A text that would not fit into `max_allowed_packet` is NULL, with an error (1301) or, where the trigger
/// was created without strict mode, a warning; both end the trigger. Where sessions keep no warnings, the
/// check for an image that is NULL ends it.
fn declared() -> String {
    format!(
        "DECLARE old_row, new_row, old_key, new_key longtext CHARACTER SET utf8mb4 \
COLLATE utf8mb4_nopad_bin;
DECLARE by_actor, of_mutation, with_metadata, in_transaction, written_by longtext \
CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
DECLARE EXIT HANDLER FOR {TOO_LARGE} {REFUSE}
"
    )
}

/// MariaDB's error number for a text that is larger than a packet.
const TOO_LARGE: u32 = 1301;

/// Refuses the write whose image cannot be made. It uses MariaDB's error number, which programs already know.
const REFUSE: &str = "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1301, MESSAGE_TEXT = \
'seachange: the row is too large to be recorded: it does not fit into max_allowed_packet; cure: a larger one';";

/// Refuses a write if one of these images is NULL.
fn refuse_without(images: &[&str]) -> String {
    let missing = images.iter().map(|image| format!("{image} IS NULL"));
    let missing = missing.collect::<Vec<_>>().join(" OR ");
    format!("IF {missing} THEN {REFUSE} END IF;\n")
}

/// The context in which the row is written. Our programs always set the transaction id; if it is not set, the
/// session's variables come from another program, as plain text.
///
/// Bytes that are not of a text are taken for UTF-8. Where they are not UTF-8, a strict session reports an error
/// (1300), and the write must not fail because of it: the variable is left out.
fn context() -> String {
    format!(
        "SELECT actor, mutation_id, metadata, transaction_id
INTO by_actor, of_mutation, with_metadata, in_transaction
FROM change_context WHERE connection_id = CONNECTION_ID();
IF in_transaction IS NULL THEN BEGIN
DECLARE CONTINUE HANDLER FOR {NOT_UTF8} BEGIN END;
SET by_actor = NULLIF(LEFT(CONVERT(@seachange_actor USING utf8mb4), {MOST_OF_NAME}), '');
SET of_mutation = NULLIF(LEFT(CONVERT(@seachange_mutation_id USING utf8mb4), {MOST_OF_NAME}), '');
SET with_metadata = NULLIF(LEFT(CONVERT(@seachange_metadata USING utf8mb4), {MOST_OF_METADATA}), '');
SET in_transaction = UUID();
END; END IF;
"
    )
}

/// MariaDB's number for bytes that are no text in the character set.
const NOT_UTF8: u32 = 1300;

fn quoted(text: &str) -> String {
    MariaDb.quote(text)
}

fn text(text: &str) -> String {
    MariaDb.literal(text)
}

fn log(plan: &Plan<'_>, operation: &str, key: &str, before: &str, after: &str) -> String {
    format!(
        "INSERT INTO change_inbox (entity, row_key, operation, `before`, `after`, actor, mutation_id,
  metadata, transaction_id, source, schema_version, recorded_at)
VALUES ({entity}, {key}, '{operation}', {before}, {after}, by_actor, of_mutation, with_metadata,
  in_transaction, 'trigger', {version}, UTC_TIMESTAMP(6));\n",
        entity = text(plan.entity),
        version = plan.version.version,
    )
}

/// The image of a row.
pub(super) fn image_of(version: &Version, row: &str) -> String {
    Row::of(version, row).image
}

/// The texts of one row.
struct Row {
    key: String,
    image: String,
}

impl Row {
    fn of(version: &Version, row: &str) -> Self {
        Self::with(version, row, |_| format!("'\"{REDACTED}\"'"))
    }

    /// The row after an update. Its image says which redacted columns have changed.
    fn updated(version: &Version) -> Self {
        Self::with(version, "NEW", |column| {
            let (old, new) = (told_apart("OLD", column), told_apart("NEW", column));
            format!("IF({old} <=> {new}, '\"{REDACTED}\"', '\"{REDACTED_CHANGED}\"')")
        })
    }

    fn with(version: &Version, row: &str, redacted: impl Fn(&Column) -> String) -> Self {
        let mut keys: Vec<&Column> = version.keys().collect();
        keys.sort_by(|left, right| left.name.cmp(&right.name));
        let key = keys
            .iter()
            .map(|key| format!("{}, {}", start(key), key_value(row, key)));
        let shown = version.columns.iter();
        let shown = shown.filter(|column| column.shown != Shown::Not);
        let image = shown.map(|column| match column.shown {
            Shown::Redacted => format!("{}, {}", start(column), redacted(column)),
            _ => format!("{}, {}", start(column), value(row, column)),
        });
        Self {
            key: object(key),
            image: object(image),
        }
    }
}

fn start(column: &Column) -> String {
    text(&format!(
        "{}:",
        serde_json::Value::from(column.name.as_str())
    ))
}

fn object(parts: impl Iterator<Item = String>) -> String {
    format!(
        "CONCAT('{{', {}, '}}')",
        parts.collect::<Vec<_>>().join(", ',', ")
    )
}

/// An expression that differs whenever the values differ, and is never too large to be compared. It is NULL
/// for both rows only if both values are NULL.
fn told_apart(row: &str, column: &Column) -> String {
    let value = format!("{row}.{}", quoted(&column.name));
    match base(&column.ty) {
        ty if is_hexadecimal(ty) => format!("SHA2({value}, 256)"),
        ty if TEXTS.contains(&ty) => {
            format!("CONVERT({value} USING utf8mb4) COLLATE utf8mb4_nopad_bin")
        }
        _ => self::value(row, column),
    }
}

/// A value as a JSON string, or null. It is NULL if the string would be too large.
fn value(row: &str, column: &Column) -> String {
    let value = format!("{row}.{}", quoted(&column.name));
    let long = |text: String| format!("IF({value} IS NULL, 'null', {text})");
    let quoted = |value: &str| {
        long(format!(
            "JSON_QUOTE(CONVERT({value} USING utf8mb4) COLLATE utf8mb4_nopad_bin)"
        ))
    };
    let plain = |value: &str| {
        format!(
            "COALESCE(CONCAT('\"', CONVERT({value} USING utf8mb4) COLLATE utf8mb4_nopad_bin, '\"'), 'null')"
        )
    };
    match base(&column.ty) {
        ty if is_hexadecimal(ty) => long(format!(
            "CONCAT('\"', CONVERT(HEX({value}) USING utf8mb4) COLLATE utf8mb4_nopad_bin, '\"')"
        )),
        ty if TEXTS.contains(&ty) => quoted(&value),
        // A float's own text has only six digits.
        "float" => plain(&format!("CAST({value} AS DOUBLE)")),
        "bit" => plain(&format!("({value} + 0)")),
        // The moment itself is taken, because its text is in the session's time zone.
        "timestamp" => plain(&format!("UNIX_TIMESTAMP({value})")),
        _ => plain(&value),
    }
}

/// A key's value as JSON.
fn key_value(row: &str, column: &Column) -> String {
    let value = format!("{row}.{}", quoted(&column.name));
    let converted =
        |value: &str| format!("CONVERT({value} USING utf8mb4) COLLATE utf8mb4_nopad_bin");
    match base(&column.ty) {
        "tinyint" | "smallint" | "mediumint" | "int" => converted(&value),
        "bigint" | "uuid" => format!("CONCAT('\"', {}, '\"')", converted(&value)),
        "char" | "varchar" | "enum" => format!("JSON_QUOTE({})", converted(&value)),
        // 16 bytes are a UUID.
        _ => format!(
            "CONCAT('\"', LOWER(INSERT(INSERT(INSERT(INSERT(HEX({value}), 21, 0, '-'), 17, 0, '-'), \
             13, 0, '-'), 9, 0, '-')), '\"')"
        ),
    }
}
