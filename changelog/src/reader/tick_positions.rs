//! Finds the positions of single changes between PostgreSQL's ticks, without walking the ticks.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use super::change::Change;
use super::position::Position;
use crate::database::{Dialect, Postgres};
use crate::log::Model;

/// The positions of the changes with these ids. Snapshots only grow and ticks are numbered without gaps, so
/// the first tick that sees a transaction is found by bisection.
const PLACES: &str = "WITH RECURSIVE
    c AS (SELECT id, xid FROM change_log WHERE id = ANY ($1::text::bigint[])),
    ends AS (SELECT min(tick_id) AS oldest, max(tick_id) AS newest FROM change_tick),
    s (xid, low, high) AS (
        SELECT x.xid, ends.oldest, ends.newest FROM (SELECT DISTINCT xid FROM c) x, ends
        UNION ALL
        SELECT s.xid, CASE WHEN v.seen THEN s.low ELSE t.tick_id + 1 END,
            CASE WHEN v.seen THEN t.tick_id ELSE s.high END
        FROM s JOIN change_tick t ON t.tick_id = (s.low + s.high) / 2,
            LATERAL (SELECT pg_visible_in_snapshot(s.xid, t.snapshot) AS seen) v
        WHERE s.low < s.high)
    SELECT c.id, t.tick_id, l.last_id, t.tick_id = ends.oldest OR c.id <= e.horizon AS is_behind
    FROM c JOIN s ON s.xid = c.xid AND s.low = s.high
        JOIN change_tick t ON t.tick_id = s.low AND pg_visible_in_snapshot(s.xid, t.snapshot),
        LATERAL (SELECT max(id) AS last_id FROM change_log o WHERE o.xid = c.xid) l,
        ends, change_epoch e";

/// Gives changes their positions; those behind the horizon get one before every batch. Leaves out changes
/// that no tick has seen yet.
pub(super) async fn with_positions(
    db: &DatabaseConnection,
    rows: Vec<Model>,
) -> Result<Vec<Change>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let ids = format!("{{{}}}", ids.join(","));
    let select = Postgres.own_statement(PLACES, vec![ids.into()]);
    let mut places = HashMap::with_capacity(rows.len());
    for found in db.query_all_raw(select).await? {
        let id: i64 = found.try_get("", "id")?;
        let position = if found.try_get("", "is_behind")? {
            Position::of_id(id)
        } else {
            Position {
                batch: found.try_get("", "tick_id")?,
                last: found.try_get("", "last_id")?,
                id,
            }
        };
        places.insert(id, position);
    }
    let placed = |row: Model| {
        let position = *places.get(&row.id)?;
        Some(Change { position, row })
    };
    Ok(rows.into_iter().filter_map(placed).collect())
}

/// Whether a row of `change_log` comes after a position that is not behind the horizon.
pub(super) fn is_after(position: Position) -> Expr {
    Expr::cust_with_values(
        "COALESCE(change_log.id > (SELECT horizon FROM change_epoch) AND (
            NOT pg_visible_in_snapshot(change_log.xid,
                (SELECT t.snapshot FROM change_tick t WHERE t.tick_id = $1))
            OR NOT pg_visible_in_snapshot(change_log.xid,
                (SELECT t.snapshot FROM change_tick t WHERE t.tick_id = $2))
            AND ((SELECT max(o.id) FROM change_log o WHERE o.xid = change_log.xid), change_log.id)
                > ($3, $4)), FALSE)",
        [
            position.batch,
            position.batch - 1,
            position.last,
            position.id,
        ],
    )
}
