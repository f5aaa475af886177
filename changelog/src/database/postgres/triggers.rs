//! The triggers of PostgreSQL: one function for each table, called after each statement and before a
//! TRUNCATE.
//!
//! All rows of a statement are logged by one statement, from its transition tables. The n-th old row of an
//! UPDATE belongs to the n-th new one: PostgreSQL appends both at once and never changes earlier entries.
//! Matching by key would not do, because a key may change, and because a cascade may change a row twice in
//! one statement.
//!
//! Triggers run row by row instead, which costs several times as much, in three cases: where rows can come
//! and go by statements on another table; where another program's row trigger may write between a row and the
//! end of its statement, so that its change would be logged first; and where an image says which redacted
//! columns have changed.
//!
//! An image is what `row_to_json` makes of the row, so that added and dropped columns are followed
//! automatically. Neither `jsonb` nor any operator that parses the JSON again is used: both fail on `\u0000`
//! in a `json` column, and would make the user's write fail.
//!
//! The function runs as its owner, because the roles of other programs may not be allowed to write the log.
//! Its search path is pinned, so that another table cannot be put in the log's place. Every setting on which
//! the text of a value depends is pinned too.

use sea_orm::DbErr;

use super::{Dialect, Postgres, Session};
use crate::database::plan::{KINDS, MOST_OF_METADATA, MOST_OF_NAME, Piece, Plan, ROW, piece_name};
use crate::image::{REDACTED, REDACTED_CHANGED};
use crate::shape::{Column, Shown, Version};

/// Every setting on which the text of a value depends, and the value that the function sets.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("timezone", "UTC"),
    ("bytea_output", "hex"),
    ("intervalstyle", "postgres"),
    ("datestyle", "ISO, MDY"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
];

pub(super) fn pieces(plan: &Plan<'_>) -> Vec<Piece> {
    let function = piece_name("row", plan.entity);
    let (called, table) = (quoted(&function), quoted(plan.entity));
    let mut pieces = vec![Piece {
        sql: create_function(plan, &called),
        name: function,
    }];
    let (old, new) = (
        format!("REFERENCING OLD TABLE AS {OLD_ROWS}"),
        format!("REFERENCING NEW TABLE AS {NEW_ROWS}"),
    );
    let both = format!("{old} NEW TABLE AS {NEW_ROWS}");
    let mut triggers = vec![("truncate", "BEFORE TRUNCATE", String::new(), "STATEMENT")];
    if is_row_by_row(plan) {
        let when = "AFTER INSERT OR UPDATE OR DELETE";
        triggers.push(("row", when, String::new(), "ROW"));
    } else {
        triggers.push(("insert", "AFTER INSERT", new, "STATEMENT"));
        triggers.push(("update", "AFTER UPDATE", both, "STATEMENT"));
        triggers.push(("delete", "AFTER DELETE", old, "STATEMENT"));
    }
    for (kind, when, tables, each) in triggers {
        let trigger = piece_name(kind, plan.entity);
        pieces.push(Piece {
            sql: format!(
                "CREATE OR REPLACE TRIGGER {} {when} ON {table} {tables} FOR EACH {each}
                 EXECUTE FUNCTION {called}()",
                quoted(&trigger)
            ),
            name: trigger,
        });
    }
    pieces
}

fn quoted(text: &str) -> String {
    Postgres.quote(text)
}

fn text(text: &str) -> String {
    Postgres.literal(text)
}

/// Drops our triggers that are no longer among the table's. A missing trigger is not dropped with `IF
/// EXISTS`, because that alone would lock the table.
pub(super) async fn drop_others(db: &dyn Session, plan: &Plan<'_>) -> Result<(), DbErr> {
    let pieces = pieces(plan);
    let table = quoted(plan.entity);
    for trigger in KINDS.map(|kind| piece_name(kind, plan.entity)) {
        // The function may have the name that a trigger had before.
        let is_trigger = |piece: &Piece| piece.name == trigger && !piece.is_function();
        if pieces.iter().any(is_trigger) {
            continue;
        }
        let sql = "SELECT 1 FROM pg_trigger WHERE tgname = ? AND tgrelid = ?::regclass";
        let values = vec![trigger.as_str().into(), table.as_str().into()];
        if db.row(Postgres.statement(sql, values)).await?.is_some() {
            let sql = format!("DROP TRIGGER {} ON {table}", quoted(&trigger));
            db.run_text(&sql).await?;
        }
    }
    Ok(())
}

/// Drops the trigger function of a table.
pub(super) async fn drop_function(db: &dyn Session, entity: &str) -> Result<(), DbErr> {
    let function = quoted(&piece_name("row", entity));
    let sql = format!("DROP FUNCTION IF EXISTS {function}()");
    db.run_text(&sql).await.map(|_| ())
}

fn create_function(plan: &Plan<'_>, called: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {called}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
         SET search_path = {}, pg_temp SET timezone = 'UTC'
         SET bytea_output = 'hex' SET intervalstyle = 'postgres' SET datestyle = 'ISO, MDY'
         SET extra_float_digits = 1 SET lc_monetary = 'C'
         AS {}",
        quoted(plan.schema),
        text(&body(plan))
    )
}

/// Whether the triggers fire for each row.
fn is_row_by_row(plan: &Plan<'_>) -> bool {
    let mut columns = plan.version.columns.iter();
    plan.table.is_entangled || columns.any(|column| column.shown == Shown::Redacted)
}

/// The function's text as the catalogue keeps it.
pub(super) fn body(plan: &Plan<'_>) -> String {
    let (variables, steps) = if is_row_by_row(plan) {
        (ROW_VARIABLES, each_row(plan))
    } else {
        ("", each_statement(plan))
    };
    let table = quoted(plan.entity);
    let images = [&*image(plan.version, ROW), "NULL"];
    let truncate = log(
        plan,
        "'delete'",
        &key(plan, ROW),
        images,
        &format!("{table} {ROW}"),
    );
    format!(
        "
#variable_conflict use_variable
DECLARE{variables}
{context_variables}
BEGIN
{plain_metadata}
  IF TG_OP = 'TRUNCATE' THEN
    {truncate};
    RETURN NULL;
  END IF;
{steps}
  RETURN NULL;
END",
        context_variables = context_variables(),
        plain_metadata = plain_metadata(),
    )
}

/// The context in which the rows are written. Our programs always set the transaction id, and put a mark
/// before each text, because an empty setting cannot be distinguished from an absent one. If the id is not
/// set, the settings come from another program, as plain text.
fn context_variables() -> String {
    format!(
        "
  is_ours boolean := coalesce(current_setting('seachange.transaction_id', true), '') LIKE '=%';
  text_start int := CASE WHEN is_ours THEN 2 ELSE 1 END;
  most int := CASE WHEN is_ours THEN 2147483647 ELSE {MOST_OF_NAME} END;
  by_actor text := left(substr(nullif(current_setting('seachange.actor', true), ''), text_start), most);
  of_mutation text :=
    left(substr(nullif(current_setting('seachange.mutation_id', true), ''), text_start), most);
  with_metadata text := substr(nullif(current_setting('seachange.metadata', true), ''), text_start);
  in_transaction text :=
    CASE WHEN is_ours THEN substr(current_setting('seachange.transaction_id', true), 2) END;"
    )
}

/// Another program's metadata never makes its statement fail: metadata that is not JSON or is too long is
/// kept as a JSON string.
fn plain_metadata() -> String {
    format!(
        "  IF NOT is_ours AND with_metadata IS NOT NULL THEN
    IF length(with_metadata) > {MOST_OF_METADATA} THEN
      with_metadata := to_json(left(with_metadata, {MOST_OF_METADATA}))::text;
    ELSE
      BEGIN
        PERFORM with_metadata::json;
      EXCEPTION WHEN OTHERS THEN
        with_metadata := to_json(with_metadata)::text;
      END;
    END IF;
  END IF;"
    )
}

/// A statement that logs one change for each row of `from`, or one change if `from` is empty.
fn log(plan: &Plan<'_>, operation: &str, key: &str, images: [&str; 2], from: &str) -> String {
    let [before, after] = images;
    let from = match from {
        "" => String::new(),
        from => format!(", {from}"),
    };
    // The transaction id is requested only by a statement that changes rows, because the request turns the
    // transaction into one that writes.
    format!(
        "INSERT INTO change_log (entity, row_key, operation, before, after, actor, mutation_id,
               metadata, transaction_id, source, schema_version, recorded_at)
             SELECT {entity}, ({key})::json, {operation}, {before}, {after}, by_actor, of_mutation,
               with_metadata::json, coalesce(in_transaction, pg_current_xact_id()::text), 'trigger',
               {version}, clock_timestamp()
             FROM change_capture c{from}
             WHERE c.entity = {entity} AND c.writer = 'trigger'",
        entity = text(plan.entity),
        version = plan.version.version,
    )
}

const ROW_VARIABLES: &str = "
  old_row json; new_row json; old_key text; new_key text;";

/// The steps of a trigger for each row.
fn each_row(plan: &Plan<'_>) -> String {
    let log = |operation, key, images| log(plan, operation, key, images, "");
    format!(
        "  IF TG_OP <> 'INSERT' THEN old_row := {old_image}; old_key := {old_key}; END IF;
  IF TG_OP <> 'DELETE' THEN new_row := {new_image}; new_key := {new_key}; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF old_key <> new_key THEN
      {moved_from};
      {moved_to};
      RETURN NULL;
    ELSIF old_row::text = new_row::text THEN
      RETURN NULL;
    END IF;
  END IF;
  {changed};",
        old_image = image(plan.version, "OLD"),
        new_image = image(plan.version, "NEW"),
        old_key = key(plan, "OLD"),
        new_key = key(plan, "NEW"),
        moved_from = log("'delete'", "old_key", ["old_row", "NULL"]),
        moved_to = log("'insert'", "new_key", ["NULL", "new_row"]),
        changed = log(
            "lower(TG_OP)",
            "coalesce(new_key, old_key)",
            ["old_row", "new_row"]
        ),
    )
}

/// The steps of a trigger after a statement.
fn each_statement(plan: &Plan<'_>) -> String {
    let (key, image) = (key(plan, ROW), image(plan.version, ROW));
    let inserted = log(
        plan,
        "'insert'",
        &key,
        ["NULL", &image],
        &format!("{NEW_ROWS} {ROW}"),
    );
    let deleted = log(
        plan,
        "'delete'",
        &key,
        [&image, "NULL"],
        &format!("{OLD_ROWS} {ROW}"),
    );
    let rows = |table| {
        format!(
            "(SELECT row_number() OVER () AS n, {key} AS key, {image} AS image FROM {table} {ROW})"
        )
    };
    // Every row has its counterpart, so any join would do. But a full join never becomes a nested loop, which
    // PostgreSQL would choose when it plans for a statement of few rows, and keep for one of many.
    let changes = format!(
        "{old} o FULL JOIN {new} n ON o.n = n.n CROSS JOIN LATERAL (
               SELECT 1 AS step, n.key, 'update' AS operation, o.image AS before, n.image AS after
                 WHERE o.key = n.key AND o.image::text <> n.image::text
               UNION ALL SELECT 1, o.key, 'delete', o.image, NULL WHERE o.key <> n.key
               UNION ALL SELECT 2, n.key, 'insert', NULL, n.image WHERE o.key <> n.key) x",
        old = rows(OLD_ROWS),
        new = rows(NEW_ROWS),
    );
    let updated = log(
        plan,
        "x.operation",
        "x.key",
        ["x.before", "x.after"],
        &changes,
    );
    format!(
        "  IF TG_OP = 'INSERT' THEN
    {inserted};
  ELSIF TG_OP = 'UPDATE' THEN
    {updated}
             ORDER BY n.n, x.step;
  ELSE
    {deleted};
  END IF;"
    )
}

/// The transition tables.
const OLD_ROWS: &str = "seachange_old";
const NEW_ROWS: &str = "seachange_new";

/// The row's key as JSON text.
fn key(plan: &Plan<'_>, row: &str) -> String {
    let mut keys: Vec<&Column> = plan.version.keys().collect();
    keys.sort_by(|left, right| left.name.cmp(&right.name));
    let parts: Vec<String> = keys
        .iter()
        .map(|key| {
            let value = format!("{row}.{}", quoted(&key.name));
            // Readers that use 64-bit floats would round the number.
            let value = match key.ty.as_str() {
                "bigint" => format!("{value}::text"),
                _ => value,
            };
            let start = text(&format!("{}:", serde_json::Value::from(key.name.as_str())));
            format!("{start} || to_json({value})::text")
        })
        .collect();
    format!("'{{' || {} || '}}'", parts.join(" || ',' || "))
}

/// The row's image as JSON.
pub(super) fn image(version: &Version, row: &str) -> String {
    let is_plain = |column: &Column| column.shown == Shown::Whole && column.ty != BYTE;
    if version.columns.iter().all(is_plain) {
        return format!("row_to_json({row})");
    }
    // Columns that are added later may have to be hidden, too.
    image_of(version, row)
}

/// The image of these columns of the row and no others.
pub(super) fn image_of(version: &Version, row: &str) -> String {
    let shown = version.columns.iter();
    let columns = shown.filter_map(|column| {
        let called = quoted(&column.name);
        let value = match column.shown {
            Shown::Not => return None,
            Shown::Redacted if row == "NEW" => format!(
                "CASE WHEN TG_OP = 'UPDATE' AND to_json(OLD.{called})::text IS DISTINCT FROM
                 to_json(NEW.{called})::text THEN '{REDACTED_CHANGED}' ELSE '{REDACTED}' END"
            ),
            Shown::Redacted => format!("'{REDACTED}'::text"),
            // Above 127 the text of this type is not valid UTF-8.
            Shown::Whole if column.ty == BYTE => format!("{row}.{called}::int"),
            Shown::Whole => format!("{row}.{called}"),
        };
        Some(format!("{value} AS {called}"))
    });
    let columns: Vec<String> = columns.collect();
    format!(
        "(SELECT row_to_json({ROW}) FROM (SELECT {}) {ROW})",
        columns.join(", ")
    )
}

/// The type of one byte.
const BYTE: &str = "\"char\"";
