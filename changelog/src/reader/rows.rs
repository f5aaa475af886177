//! The changes of one row, or of one transaction, wherever they are kept: behind the horizon too,
//! which bounds the feed and not history.
//!
//! A row's changes have their ids in the order of their commits on every database, because whoever
//! writes the row next waited for its lock and takes its id after that. So the id alone orders them,
//! and only their places between other rows' changes differ between databases.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Timelike, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{Condition, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Order};
use serde_json::Value as Json;

use super::change::Change;
use super::position::Position;
use super::selection::{Page, key_condition, keys_condition, with_numbers};
use super::ticks;
use crate::image::Image;
use crate::log::{Column, Model, stored};
use crate::migration::INBOX;
use crate::triggers::Schemas;

/// Which row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowName {
    /// Its table.
    pub entity: String,
    /// Its key as in the images.
    pub key: Image,
}

/// What the log knows of a row at a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// What the last change up to the moment left: its image, or no row.
    Made(Option<Image>),
    /// No change up to the moment is kept: what the first one after it found.
    Found(Option<Image>),
    /// No change at all is kept.
    Untouched,
}

impl RowName {
    fn condition(&self, backend: DbBackend) -> Condition {
        Condition::all()
            .add(Expr::col(Column::Entity).eq(&*self.entity))
            .add(key_condition(&self.key, backend))
    }
}

/// See [`LogReader::finds_by_key`](super::LogReader::finds_by_key).
pub(super) async fn are_found_by_key<C: ConnectionTrait>(
    db: &C,
    row: &RowName,
) -> Result<bool, DbErr> {
    let schemas = Schemas::read(db).await?;
    Ok(schemas.find_by_key(&row.entity, &row.key, db.get_database_backend()))
}

/// Up to `limit` kept changes of a row, from the oldest or after a position, in order.
///
/// # Errors
/// What the database says.
pub async fn of_row(
    db: &DatabaseConnection,
    row: &RowName,
    after: Option<Position>,
    limit: u64,
) -> Result<Page, DbErr> {
    let wanted = row.condition(db.get_database_backend());
    page(db, wanted, after, limit).await
}

/// Up to `limit` changes of one row that meet a condition: see [`of_row`].
pub(super) async fn page(
    db: &DatabaseConnection,
    wanted: Condition,
    after: Option<Position>,
    limit: u64,
) -> Result<Page, DbErr> {
    let mut all = wanted.clone();
    if let Some(after) = after {
        // A cursor that names a change of this very row tells by its id what follows: the index
        // then leads to it. Any other needs its place compared.
        let anchor = logged(db, wanted.add(has_id(after.id)), Order::Asc, 1).await?;
        all = all.add(match anchor.first() {
            Some(anchor) => Expr::col(Column::Id).gt(anchor.id),
            None => is_after(after, db.get_database_backend()),
        });
    }
    // One more than asked for tells whether there is more.
    let rows = logged(db, all, Order::Asc, limit.saturating_add(1)).await?;
    let mut changes = place(db, rows).await?;
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

/// Up to `limit` kept changes of a transaction, in order.
///
/// # Errors
/// What the database says.
pub async fn of_transaction(
    db: &DatabaseConnection,
    transaction_id: &str,
    limit: u64,
) -> Result<Vec<Change>, DbErr> {
    let of_it = Condition::all().add(Expr::col(Column::TransactionId).eq(transaction_id));
    let rows = logged(db, of_it, Order::Asc, limit).await?;
    place(db, rows).await
}

/// Whether changes of a transaction are committed and still wait for their places in the log.
///
/// # Errors
/// What the database says.
pub async fn is_waiting(db: &DatabaseConnection, transaction_id: &str) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(false);
    }
    let of_it = Condition::all().add(Expr::col(Column::TransactionId).eq(transaction_id));
    Ok(!waiting(db, of_it, Order::Asc, 1).await?.is_empty())
}

/// The change at a position, if one is kept.
///
/// # Errors
/// What the database says.
pub async fn change_named(
    db: &DatabaseConnection,
    position: Position,
) -> Result<Option<Change>, DbErr> {
    let row = logged(db, has_id(position.id), Order::Asc, 1).await?;
    let named = place(db, row).await?.pop();
    // Behind the horizon a change has no batch any more, whatever it had when its cursor was given.
    Ok(named.filter(|change| change.position == position || change.position.batch == 0))
}

/// Whether the position is that of a kept change of this row: then nothing of the row after it has
/// been removed, because retention removes each row's oldest first.
///
/// # Errors
/// What the database says.
pub async fn is_change_of(
    db: &DatabaseConnection,
    row: &RowName,
    position: Position,
) -> Result<bool, DbErr> {
    let named = row.condition(db.get_database_backend());
    let named = named.add(has_id(position.id));
    Ok(!logged(db, named, Order::Asc, 1).await?.is_empty())
}

/// The row at a position.
///
/// # Errors
/// What the database says.
pub async fn state_at(
    db: &DatabaseConnection,
    row: &RowName,
    position: Position,
) -> Result<Past, DbErr> {
    let backend = db.get_database_backend();
    let of_row = || row.condition(backend);
    let named = logged(db, of_row().add(has_id(position.id)), Order::Asc, 1).await?;
    if let Some(named) = named.into_iter().next() {
        return Ok(Past::Made(object(named.after)));
    }
    let after = is_after(position, backend);
    let up_to = of_row().add(after.clone().not());
    let last = logged(db, up_to, Order::Desc, 1).await?;
    if let Some(last) = last.into_iter().next() {
        return Ok(Past::Made(object(last.after)));
    }
    first(db, row, Some(after)).await
}

/// The row at a time: what the last of its changes left that was recorded by then.
///
/// # Errors
/// What the database says.
pub async fn state_by(
    db: &DatabaseConnection,
    row: &RowName,
    time: DateTime<Utc>,
) -> Result<Past, DbErr> {
    let backend = db.get_database_backend();
    let time = end_of_microsecond(time);
    let recorded = Expr::col(Column::RecordedAt);
    let by_then = row.condition(backend).add(match backend {
        // Bound with its zone, the driver makes it a `timestamp`, which begins in 1970 and ends soon.
        DbBackend::MySql => recorded.lte(time.naive_utc()),
        _ => recorded.lte(time),
    });
    // The inbox first: what is moved meanwhile is then in the log.
    let waiting = waiting(db, by_then.clone(), Order::Desc, 1).await?;
    if let Some(last) = waiting.into_iter().next() {
        return Ok(Past::Made(object(last.after)));
    }
    let last = logged(db, by_then, Order::Desc, 1).await?;
    if let Some(last) = last.into_iter().next() {
        return Ok(Past::Made(object(last.after)));
    }
    first(db, row, None).await
}

/// What the row's first change, of those after a place, found.
async fn first(db: &DatabaseConnection, row: &RowName, after: Option<Expr>) -> Result<Past, DbErr> {
    let of_row = row.condition(db.get_database_backend());
    let waiting = waiting(db, of_row.clone(), Order::Asc, 1).await?;
    let logged = logged(db, of_row.add_option(after), Order::Asc, 1).await?;
    let first = logged.into_iter().chain(waiting).next();
    Ok(first.map_or(Past::Untouched, |first| Past::Found(object(first.before))))
}

/// Up to `limit` committed changes of a row after one of its changes, in order, those without a
/// place yet included; these have id 0. For a transaction that has locked the row.
///
/// # Errors
/// What the database says.
pub async fn later<C: ConnectionTrait>(
    db: &C,
    row: &RowName,
    after: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let of_row = row.condition(db.get_database_backend());
    let waiting = waiting(db, of_row.clone(), Order::Asc, limit).await?;
    let after = of_row.add(Expr::col(Column::Id).gt(after));
    let mut later = logged(db, after, Order::Asc, limit).await?;
    later.extend(waiting.into_iter().map(|row| Model { id: 0, ..row }));
    Ok(later)
}

/// The places, among these keys of an entity's rows, of those with committed changes after a position,
/// but for those of one transaction. For a transaction that has locked the rows.
pub(crate) async fn changed_after<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    keys: &[Image],
    after: Position,
    but_of: &str,
) -> Result<BTreeSet<usize>, DbErr> {
    let by_others = Condition::all()
        .add(Expr::col(Column::Entity).eq(entity))
        .add(Expr::col(Column::TransactionId).ne(but_of));
    let after = is_after(after, db.get_database_backend());
    among(db, keys, by_others, Some(after)).await
}

/// Of each row of an entity with one of these keys its last change, if one is kept, by its place among
/// the keys; those without a place in the log yet included. For a transaction that has locked the rows.
///
/// # Errors
/// What the database says.
pub async fn last_of<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    keys: &[Image],
) -> Result<HashMap<usize, Model>, DbErr> {
    let of_entity = Condition::all().add(Expr::col(Column::Entity).eq(entity));
    let mut last = HashMap::new();
    for place in among(db, keys, of_entity, None).await? {
        let row = RowName {
            entity: entity.to_owned(),
            key: keys[place].clone(),
        };
        let of_row = row.condition(db.get_database_backend());
        // The inbox first: what is moved meanwhile is then in the log.
        let mut found = waiting(db, of_row.clone(), Order::Desc, 1).await?;
        if found.is_empty() {
            found = logged(db, of_row, Order::Desc, 1).await?;
        }
        last.extend(found.pop().map(|change| (place, change)));
    }
    Ok(last)
}

/// Which of these mutations the log knows as what changed one of an entity's rows with these keys. For a
/// transaction that has locked the rows.
///
/// # Errors
/// What the database says.
pub async fn known_mutations<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    keys: &[Image],
    mutation_ids: &[String],
) -> Result<BTreeSet<String>, DbErr> {
    let backend = db.get_database_backend();
    let mut known = BTreeSet::new();
    if keys.is_empty() || mutation_ids.is_empty() {
        return Ok(known);
    }
    let texts = keys.iter().flat_map(|key| {
        let text = Json::Object(key.clone()).to_string();
        [text, with_numbers(key)]
    });
    let texts: BTreeSet<String> = texts.collect();
    let of_them = Condition::all()
        .add(Expr::col(Column::Entity).eq(entity))
        .add(Expr::col(Column::MutationId).is_in(mutation_ids))
        .add(keys_condition(texts.into_iter().collect(), backend));
    // The inbox first: what is moved meanwhile is then in the log.
    let inbox = (backend == DbBackend::MySql).then_some(INBOX);
    for table in inbox.into_iter().chain(["change_log"]) {
        let select = Query::select()
            .distinct()
            .expr_as(Expr::col(Column::MutationId), "found")
            .from(Alias::new(table))
            .cond_where(of_them.clone())
            .take();
        for row in db.query_all(&select).await? {
            known.insert(row.try_get("", "found")?);
        }
    }
    Ok(known)
}

/// The places, among these keys, of those with committed changes that meet a condition, in the log also
/// another.
async fn among<C: ConnectionTrait>(
    db: &C,
    keys: &[Image],
    wanted: Condition,
    in_log: Option<Expr>,
) -> Result<BTreeSet<usize>, DbErr> {
    let backend = db.get_database_backend();
    let mut places = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.insert(Json::Object(key.clone()).to_string(), place);
        places.insert(with_numbers(key), place);
    }
    if places.is_empty() {
        return Ok(BTreeSet::new());
    }
    let of_them = wanted.add(keys_condition(places.keys().cloned().collect(), backend));
    // The inbox first: what is moved meanwhile is then in the log.
    let inbox = (backend == DbBackend::MySql).then(|| (INBOX, of_them.clone()));
    let log = ("change_log", of_them.add_option(in_log));
    let mut found = BTreeSet::new();
    for (table, wanted) in inbox.into_iter().chain([log]) {
        let texts = key_texts(db, table, wanted).await?;
        found.extend(texts.iter().filter_map(|text| places.get(text)));
    }
    Ok(found)
}

/// The keys, as they are stored, of the changes in a table of the log that meet a condition.
pub(crate) async fn key_texts<C: ConnectionTrait>(
    db: &C,
    table: &str,
    wanted: Condition,
) -> Result<Vec<String>, DbErr> {
    let key = match db.get_database_backend() {
        DbBackend::Postgres => Expr::col(Column::RowKey).cast_as("text"),
        _ => Expr::col(Column::RowKey),
    };
    let select = Query::select()
        .distinct()
        .expr_as(key, "found")
        .from(Alias::new(table))
        .cond_where(wanted)
        .take();
    let rows = db.query_all(&select).await?;
    rows.iter().map(|row| row.try_get("", "found")).collect()
}

/// MariaDB: changes that a sequencer has not moved into the log yet. They come after all that is in
/// the log of the same row.
async fn waiting<C: ConnectionTrait>(
    db: &C,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(Vec::new());
    }
    read(db, INBOX, wanted, order, limit).await
}

/// Changes in the log.
async fn logged<C: ConnectionTrait>(
    db: &C,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    read(db, "change_log", wanted, order, limit).await
}

async fn read<C: ConnectionTrait>(
    db: &C,
    table: &str,
    wanted: Condition,
    order: Order,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let backend = db.get_database_backend();
    let mut select = Query::select();
    for (expr, name) in stored::columns(backend) {
        select.expr_as(expr, name);
    }
    select
        .from(Alias::new(table))
        .cond_where(wanted)
        .order_by(Column::Id, order)
        .limit(limit);
    let rows = db.query_all(&select).await?;
    stored::Rows::of(&rows, backend)?.read(db).await
}

fn has_id(id: i64) -> Condition {
    Condition::all().add(Expr::col(Column::Id).eq(id))
}

/// Gives changes their positions; leaves out those that have none yet.
async fn place(db: &DatabaseConnection, rows: Vec<Model>) -> Result<Vec<Change>, DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        return ticks::place(db, rows).await;
    }
    let placed = |row: Model| Change {
        position: Position::of_id(row.id),
        row,
    };
    Ok(rows.into_iter().map(placed).collect())
}

/// Whether a change in the log comes after a position, as SQL.
fn is_after(position: Position, backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => ticks::is_after(position),
        _ => Expr::col(Column::Id).gt(position.id),
    }
}

/// Clients see times to the microsecond; SQLite keeps what is below.
fn end_of_microsecond(time: DateTime<Utc>) -> DateTime<Utc> {
    let nanosecond = time.nanosecond() / 1_000 * 1_000 + 999;
    time.with_nanosecond(nanosecond).unwrap_or(time)
}

fn object(image: Option<serde_json::Value>) -> Option<Image> {
    match image {
        Some(serde_json::Value::Object(image)) => Some(image),
        _ => None,
    }
}
