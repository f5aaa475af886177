//! The changes of one row, or of one transaction, wherever they are kept. This includes changes behind the
//! horizon, which bounds the feed but not history.
//!
//! The ids of a row's changes are in the order of their commits on every database, because the next writer of
//! the row waits for its lock and takes its id afterwards. So the id alone orders them, and only their places
//! between other rows' changes differ between databases.

use chrono::{DateTime, Timelike, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{Condition, ConnectionTrait, DatabaseConnection, DbErr, Order};

use super::change::Change;
use super::position::Position;
use super::row_name::RowName;
use super::selection::Page;
use super::{stored_rows, tick_positions};
use crate::database::{self, Dialect, LogOrder};
use crate::image::Image;
use crate::log::{Column, Model};
use crate::triggers::Schemas;

/// Changes of a row that stand for a moment only, one behind the other, in one transaction: there is one, as
/// a rule.
const INTERIM_MOST: u64 = 10;

/// What the log knows of a row at a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// The image, or absence, of the row after its last change up to the moment.
    Made(Option<Image>),
    /// No change up to the moment is kept; this is the row before the first one after it.
    Found(Option<Image>),
    /// No change of the row is kept.
    Untouched,
}

/// See [`LogReader::finds_by_key`](super::LogReader::finds_by_key).
pub(super) async fn key_lookup_is_complete<C: ConnectionTrait>(
    db: &C,
    row: &RowName,
) -> Result<bool, DbErr> {
    let schemas = Schemas::read(db).await?;
    Ok(schemas.find_by_key(&row.entity, &row.key, database::of(db)))
}

/// Up to `limit` kept changes of a row, from the oldest or after a position, in order.
///
/// # Errors
/// Errors of the database.
pub async fn of_row(
    db: &DatabaseConnection,
    row: &RowName,
    after: Option<Position>,
    limit: u64,
) -> Result<Page, DbErr> {
    let wanted = row.changes(db).await?;
    page_of(db, wanted, after, limit).await
}

/// Up to `limit` changes of one row that meet a condition: see [`of_row`].
pub(super) async fn page_of(
    db: &DatabaseConnection,
    wanted: Condition,
    after: Option<Position>,
    limit: u64,
) -> Result<Page, DbErr> {
    let mut all = wanted.clone();
    if let Some(after) = after {
        // If the position is that of a change of this very row, its id determines what follows, and the index
        // leads to it. Any other position must be compared with each change's.
        let anchor = logged_changes(db, wanted.add(has_id(after.id)), Order::Asc, 1).await?;
        all = all.add(match anchor.first() {
            Some(anchor) => Expr::col(Column::Id).gt(anchor.id),
            None => is_after(after, database::of(db)),
        });
    }
    // One more row than requested shows whether there are more.
    let rows = logged_changes(db, all, Order::Asc, limit.saturating_add(1)).await?;
    let mut changes = with_positions(db, rows).await?;
    let has_more = changes.len() as u64 > limit;
    if has_more {
        changes.pop();
    }
    let last = changes.last().map(|change| change.position);
    Ok(Page {
        end: last.or(after).unwrap_or(Position::START),
        changes,
        has_more,
    })
}

/// Up to `limit` kept changes of a row, from the newest or before a position, the newest first.
///
/// # Errors
/// Errors of the database.
pub async fn of_row_backwards(
    db: &DatabaseConnection,
    row: &RowName,
    before: Option<Position>,
    limit: u64,
) -> Result<Page, DbErr> {
    let mut wanted = row.changes(db).await?;
    if let Some(before) = before {
        let anchor = logged_changes(db, wanted.clone().add(has_id(before.id)), Order::Asc, 1);
        wanted = match anchor.await?.first() {
            Some(anchor) => wanted.add(Expr::col(Column::Id).lt(anchor.id)),
            None => wanted.add(is_after(before, database::of(db)).not()),
        };
    }
    let mut rows = logged_changes(db, wanted, Order::Desc, limit.saturating_add(1)).await?;
    let has_more = rows.len() as u64 > limit;
    if has_more {
        rows.pop();
    }
    // Positions are found for rows in the order of their ids.
    rows.reverse();
    let mut changes = with_positions(db, rows).await?;
    changes.reverse();
    let last = changes.last().map(|change| change.position);
    Ok(Page {
        end: last.or(before).unwrap_or(Position::START),
        changes,
        has_more,
    })
}

/// Up to `limit` kept changes of a transaction, in order.
///
/// # Errors
/// Errors of the database.
pub async fn of_transaction(
    db: &DatabaseConnection,
    transaction_id: &str,
    limit: u64,
) -> Result<Vec<Change>, DbErr> {
    let of_it = Condition::all().add(Expr::col(Column::TransactionId).eq(transaction_id));
    let rows = logged_changes(db, of_it, Order::Asc, limit).await?;
    with_positions(db, rows).await
}

/// A position after which the newest `count` changes of these tables are, or of all tables. `None` if no
/// more than these are readable.
///
/// # Errors
/// Errors of the database.
pub async fn before_newest(
    db: &DatabaseConnection,
    entities: Option<&[String]>,
    count: u64,
) -> Result<Option<Position>, DbErr> {
    let mut wanted = Condition::all();
    if let Some(entities) = entities {
        wanted = wanted.add(Expr::col(Column::Entity).is_in(entities));
    }
    // The ids are nearly in the log's order: nothing that comes after all of these has a smaller id than the
    // first of them.
    let rows = logged_changes(db, wanted, Order::Desc, count.saturating_add(1)).await?;
    if rows.len() as u64 <= count {
        return Ok(None);
    }
    let changes = with_positions(db, rows).await?;
    Ok(changes.iter().map(|change| change.position).min())
}

/// The changes of the same row and transaction directly before one of them that stood for a moment only, in
/// order.
///
/// # Errors
/// What the database says.
pub async fn interim_before(db: &DatabaseConnection, change: &Model) -> Result<Vec<Change>, DbErr> {
    let row = RowName {
        entity: change.entity.clone(),
        key: object(Some(change.row_key.clone())).unwrap_or_default(),
    };
    let earlier = row
        .changes(db)
        .await?
        .add(Expr::col(Column::TransactionId).eq(&*change.transaction_id))
        .add(Expr::col(Column::Id).lt(change.id));
    let earlier = logged_changes(db, earlier, Order::Desc, INTERIM_MOST).await?;
    let mut interim: Vec<Model> = earlier.into_iter().take_while(Model::is_interim).collect();
    interim.reverse();
    with_positions(db, interim).await
}

/// Whether changes of a transaction are committed but still wait for their places in the log.
///
/// # Errors
/// Errors of the database.
pub async fn is_waiting(db: &DatabaseConnection, transaction_id: &str) -> Result<bool, DbErr> {
    let of_it = Condition::all().add(Expr::col(Column::TransactionId).eq(transaction_id));
    Ok(!waiting_changes(db, of_it, Order::Asc, 1).await?.is_empty())
}

/// The change at a position, if one is kept.
///
/// # Errors
/// Errors of the database.
pub async fn change_named(
    db: &DatabaseConnection,
    position: Position,
) -> Result<Option<Change>, DbErr> {
    let row = logged_changes(db, has_id(position.id), Order::Asc, 1).await?;
    let named = with_positions(db, row).await?.pop();
    // Behind the horizon a change no longer has a batch, whatever batch its cursor contains.
    Ok(named.filter(|change| change.position == position || change.position.batch == 0))
}

/// Whether the position is that of a kept change of this row. If so, no later change of the row has been
/// removed, because retention removes each row's oldest first.
///
/// # Errors
/// Errors of the database.
pub async fn is_change_of(
    db: &DatabaseConnection,
    row: &RowName,
    position: Position,
) -> Result<bool, DbErr> {
    let named = row.changes(db).await?;
    let named = named.add(has_id(position.id));
    Ok(!logged_changes(db, named, Order::Asc, 1).await?.is_empty())
}

/// The row at a position.
///
/// # Errors
/// Errors of the database.
pub async fn state_at(
    db: &DatabaseConnection,
    row: &RowName,
    position: Position,
) -> Result<Past, DbErr> {
    let changes = row.changes(db).await?;
    let of_row = || changes.clone();
    let named = logged_changes(db, of_row().add(has_id(position.id)), Order::Asc, 1).await?;
    if let Some(named) = named.into_iter().next() {
        return state_left_by(db, row, named).await;
    }
    let after = is_after(position, database::of(db));
    let up_to = of_row().add(after.clone().not());
    let last = logged_changes(db, up_to, Order::Desc, 1).await?;
    if let Some(last) = last.into_iter().next() {
        return state_left_by(db, row, last).await;
    }
    state_before_first(db, row, Some(after)).await
}

/// The row at a time: as the last of its changes that was recorded by then left it.
///
/// # Errors
/// Errors of the database.
pub async fn state_by(
    db: &DatabaseConnection,
    row: &RowName,
    time: DateTime<Utc>,
) -> Result<Past, DbErr> {
    let time = database::of(db).bindable(end_of_microsecond(time).into());
    let recorded = Expr::col(Column::RecordedAt);
    let by_then = row.changes(db).await?.add(recorded.lte(time));
    // The inbox is read first: what is moved meanwhile is then found in the log.
    let waiting = waiting_changes(db, by_then.clone(), Order::Desc, 1).await?;
    if let Some(last) = waiting.into_iter().next() {
        return state_left_by(db, row, last).await;
    }
    let last = logged_changes(db, by_then, Order::Desc, 1).await?;
    if let Some(last) = last.into_iter().next() {
        return state_left_by(db, row, last).await;
    }
    state_before_first(db, row, None).await
}

/// The row as a change left it, seen from outside of the change's transaction. A state that the same transaction
/// wrote over was never visible outside, so the row is then as it was before.
async fn state_left_by(
    db: &DatabaseConnection,
    row: &RowName,
    change: Model,
) -> Result<Past, DbErr> {
    let is_passing = change.is_interim() && {
        let of_it = Expr::col(Column::TransactionId).eq(&*change.transaction_id);
        let of_it = row.changes(db).await?.add(of_it);
        let waiting = waiting_changes(db, of_it.clone(), Order::Desc, 1).await?;
        let logged = logged_changes(db, of_it, Order::Desc, 1).await?;
        let last = waiting.into_iter().chain(logged).next();
        last.is_some_and(|last| !last.is_interim())
    };
    Ok(Past::Made(object(if is_passing {
        change.before
    } else {
        change.after
    })))
}

/// The row before the first of its changes after a place.
async fn state_before_first(
    db: &DatabaseConnection,
    row: &RowName,
    after: Option<Expr>,
) -> Result<Past, DbErr> {
    let of_row = row.changes(db).await?;
    let waiting = waiting_changes(db, of_row.clone(), Order::Asc, 1).await?;
    let logged = logged_changes(db, of_row.add_option(after), Order::Asc, 1).await?;
    let first = logged.into_iter().chain(waiting).next();
    Ok(first.map_or(Past::Untouched, |first| Past::Found(object(first.before))))
}

/// On MariaDB, changes that no sequencer has moved into the log yet. They come after all changes of the same
/// row in the log.
pub(super) async fn waiting_changes<C: ConnectionTrait>(
    db: &C,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    match database::of(db).facts().inbox {
        Some(inbox) => changes_in(db, inbox, wanted, order, limit).await,
        None => Ok(Vec::new()),
    }
}

/// Changes in the log.
pub(super) async fn logged_changes<C: ConnectionTrait>(
    db: &C,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    changes_in(db, "change_log", wanted, order, limit).await
}

async fn changes_in<C: ConnectionTrait>(
    db: &C,
    table: &str,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let dialect = database::of(db);
    let mut select = Query::select();
    for (expr, name) in stored_rows::columns(dialect) {
        select.expr_as(expr, name);
    }
    select
        .from(Alias::new(table))
        .cond_where(wanted)
        .order_by(Column::Id, order)
        .limit(limit);
    let rows = db.query_all(&select).await?;
    stored_rows::Rows::of(&rows, dialect)?.read(db).await
}

fn has_id(id: i64) -> Condition {
    Condition::all().add(Expr::col(Column::Id).eq(id))
}

/// Gives changes their positions; leaves out those that have no position yet.
async fn with_positions(db: &DatabaseConnection, rows: Vec<Model>) -> Result<Vec<Change>, DbErr> {
    if database::of(db).facts().ordering == LogOrder::Ticks {
        return tick_positions::with_positions(db, rows).await;
    }
    let placed = |row: Model| Change {
        position: Position::of_id(row.id),
        row,
    };
    Ok(rows.into_iter().map(placed).collect())
}

/// Whether a change in the log comes after a position, as SQL.
pub(super) fn is_after(position: Position, dialect: &dyn Dialect) -> Expr {
    match dialect.facts().ordering {
        LogOrder::Ticks => tick_positions::is_after(position),
        LogOrder::ById | LogOrder::Inbox => Expr::col(Column::Id).gt(position.id),
    }
}

/// Clients see times to the microsecond, but SQLite keeps finer digits. A leap second, which MariaDB does not know,
/// ends with the second that it belongs to.
fn end_of_microsecond(time: DateTime<Utc>) -> DateTime<Utc> {
    let nanosecond = Ord::min(time.nanosecond(), 999_999_999) / 1_000 * 1_000 + 999;
    time.with_nanosecond(nanosecond).unwrap_or(time)
}

fn object(image: Option<serde_json::Value>) -> Option<Image> {
    match image {
        Some(serde_json::Value::Object(image)) => Some(image),
        _ => None,
    }
}
