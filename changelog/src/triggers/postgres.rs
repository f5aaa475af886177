//! The triggers of PostgreSQL: one function a table, for each row and before a TRUNCATE.
//!
//! An image is what `row_to_json` makes of the row, so that columns that come and go are followed by
//! themselves. Never `jsonb`, and no operator that reads the JSON again: both fail on `\u0000` in a
//! `json` column, and with them the user's write.
//!
//! The function runs as its owner, because the roles of other programs need not be allowed to write
//! the log; its search path is pinned, so that nobody can put a table of theirs in the log's place.
//! Every setting on which the text of a value depends is pinned too.

use sea_orm::DbBackend;

use super::install::{Piece, Plan, piece_name};
use super::schema::{Column, Shown, Version};
use super::{literal, name};
use crate::capture::{REDACTED, REDACTED_CHANGED};

pub(super) fn pieces(plan: &Plan<'_>) -> Vec<Piece> {
    let function = piece_name("row", plan.entity);
    let (called, table) = (quoted(&function), quoted(plan.entity));
    let mut pieces = vec![Piece {
        sql: create_function(plan, &called),
        name: function,
    }];
    let triggers = [
        ("row", "AFTER INSERT OR UPDATE OR DELETE", "ROW"),
        ("truncate", "BEFORE TRUNCATE", "STATEMENT"),
    ];
    for (kind, when, each) in triggers {
        let trigger = piece_name(kind, plan.entity);
        pieces.push(Piece {
            sql: format!(
                "CREATE OR REPLACE TRIGGER {} {when} ON {table} FOR EACH {each}
                 EXECUTE FUNCTION {called}()",
                quoted(&trigger)
            ),
            name: trigger,
        });
    }
    pieces
}

fn quoted(text: &str) -> String {
    name(text, DbBackend::Postgres)
}

fn text(text: &str) -> String {
    literal(text, DbBackend::Postgres)
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

/// The function's text, as the catalogue keeps it.
pub(super) fn body(plan: &Plan<'_>) -> String {
    let log = |operation: &str, key: &str, before: &str, after: &str| {
        format!(
            "INSERT INTO change_log (entity, row_key, operation, before, after, actor, mutation_id,
               metadata, transaction_id, source, schema_version, recorded_at)
             SELECT {entity}, ({key})::json, {operation}, {before}, {after}, by_actor, of_mutation,
               with_metadata::json, in_transaction, 'trigger', {version}, clock_timestamp()
             FROM change_capture c WHERE c.entity = {entity} AND c.writer = 'trigger'",
            entity = text(plan.entity),
            version = plan.version.version,
        )
    };
    format!(
        "
#variable_conflict use_variable
DECLARE
  old_row json; new_row json; old_key text; new_key text;
  by_actor text := substr(nullif(current_setting('seachange.actor', true), ''), 2);
  of_mutation text := substr(nullif(current_setting('seachange.mutation_id', true), ''), 2);
  with_metadata text := substr(nullif(current_setting('seachange.metadata', true), ''), 2);
  in_transaction text := coalesce(substr(nullif(current_setting('seachange.transaction_id', true), ''), 2),
    pg_current_xact_id()::text);
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    {truncate};
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN old_row := {old_image}; old_key := {old_key}; END IF;
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
  {changed};
  RETURN NULL;
END",
        truncate = log("'delete'", &key(plan, ROW), &image(plan.version, ROW), "NULL")
            .replace(" WHERE c.entity", &format!(", {} {ROW} WHERE c.entity", quoted(plan.entity))),
        old_image = image(plan.version, "OLD"),
        new_image = image(plan.version, "NEW"),
        old_key = key(plan, "OLD"),
        new_key = key(plan, "NEW"),
        moved_from = log("'delete'", "old_key", "old_row", "NULL"),
        moved_to = log("'insert'", "new_key", "NULL", "new_row"),
        changed = log("lower(TG_OP)", "coalesce(new_key, old_key)", "old_row", "new_row"),
    )
}

/// The row's key as JSON text.
fn key(plan: &Plan<'_>, row: &str) -> String {
    let mut keys: Vec<&Column> = plan.version.keys().collect();
    keys.sort_by(|left, right| left.name.cmp(&right.name));
    let parts: Vec<String> = keys
        .iter()
        .map(|key| {
            let value = format!("{row}.{}", quoted(&key.name));
            // Readers with 64-bit floats would round the number.
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
    // What comes later may have to be hidden, too.
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
            // Above 127 its text is no UTF-8.
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

/// The alias of a row, which no column is likely to be called.
pub(super) const ROW: &str = "seachange_row";

/// The type of one byte.
const BYTE: &str = "\"char\"";
