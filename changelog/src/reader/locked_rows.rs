//! What the log has of rows that a transaction has locked, for which no further changes can arrive.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{Condition, ConnectionTrait, DbErr, Order};

use super::keys::{any_key_condition, key_text_with_numbers, texts_of};
use super::position::Position;
use super::row_history::{is_after, logged_changes, waiting_changes};
use super::row_name::RowName;
use crate::database::{self, ReadAs};
use crate::image::{self, Image};
use crate::log::{Column, Model};
use crate::triggers::Schemas;

/// Up to `limit` committed changes of a row after one of its changes, in order, including those without a
/// position yet, which have id 0. The transaction must have locked the row.
///
/// # Errors
/// Errors of the database.
pub async fn later<C: ConnectionTrait>(
    db: &C,
    row: &RowName,
    after: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let of_row = row.condition(&Schemas::read(db).await?, database::of(db));
    let waiting = waiting_changes(db, of_row.clone(), Order::Asc, limit).await?;
    let after = of_row.add(Expr::col(Column::Id).gt(after));
    let mut later = logged_changes(db, after, Order::Asc, limit).await?;
    later.extend(waiting.into_iter().map(|row| Model { id: 0, ..row }));
    Ok(later)
}

/// The indexes, among these keys of an entity's rows, of those with committed changes after a position,
/// except changes of one transaction. The transaction must have locked the rows.
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
    let after = is_after(after, database::of(db));
    keys_with_changes(db, keys, by_others, Some(after)).await
}

/// The last kept change of each of these rows of an entity, by the key's index in `keys`, including changes
/// without a position yet. The transaction must have locked the rows.
///
/// # Errors
/// Errors of the database.
pub async fn last_of<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    keys: &[Image],
) -> Result<HashMap<usize, Model>, DbErr> {
    let of_entity = Condition::all().add(Expr::col(Column::Entity).eq(entity));
    let mut last = HashMap::new();
    let found = keys_with_changes(db, keys, of_entity, None).await?;
    if found.is_empty() {
        return Ok(last);
    }
    let schemas = Schemas::read(db).await?;
    for place in found {
        let row = RowName {
            entity: entity.to_owned(),
            key: keys[place].clone(),
        };
        let of_row = row.condition(&schemas, database::of(db));
        // The inbox is read first: what is moved meanwhile is then found in the log.
        let mut found = waiting_changes(db, of_row.clone(), Order::Desc, 1).await?;
        if found.is_empty() {
            found = logged_changes(db, of_row, Order::Desc, 1).await?;
        }
        last.extend(found.pop().map(|change| (place, change)));
    }
    Ok(last)
}

/// The mutations among these that the log records as having changed one of an entity's rows with these keys.
/// The transaction must have locked the rows.
///
/// # Errors
/// Errors of the database.
pub async fn known_mutations<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    keys: &[Image],
    mutation_ids: &[String],
) -> Result<BTreeSet<String>, DbErr> {
    let dialect = database::of(db);
    let mut known = BTreeSet::new();
    if keys.is_empty() || mutation_ids.is_empty() {
        return Ok(known);
    }
    let texts = keys.iter().flat_map(|key| {
        let text = image::text_of(key);
        [text, key_text_with_numbers(key)]
    });
    let texts: BTreeSet<String> = texts.collect();
    let of_them = Condition::all()
        .add(Expr::col(Column::Entity).eq(entity))
        .add(Expr::col(Column::MutationId).is_in(mutation_ids))
        .add(dialect.has_key(texts.into_iter().collect()));
    for table in dialect.facts().logs() {
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

/// The changes of a row after the last one of a mutation, in order; `None` if the mutation is not among the
/// row's newest `limit` changes. The transaction must have locked the row.
///
/// # Errors
/// Errors of the database.
pub async fn since_mutation<C: ConnectionTrait>(
    db: &C,
    row: &RowName,
    mutation_id: &str,
    limit: u64,
) -> Result<Option<Vec<Model>>, DbErr> {
    let of_row = row.condition(&Schemas::read(db).await?, database::of(db));
    // The inbox is read first: what is moved meanwhile is then found in the log, perhaps a second time.
    let mut newest = waiting_changes(db, of_row.clone(), Order::Desc, limit).await?;
    newest.extend(logged_changes(db, of_row, Order::Desc, limit).await?);
    let of_it = |change: &Model| change.mutation_id.as_deref() == Some(mutation_id);
    let Some(place) = newest.iter().position(of_it) else {
        return Ok(None);
    };
    newest.truncate(place);
    newest.reverse();
    Ok(Some(newest))
}

/// The indexes, among these keys, of those with committed changes that meet `wanted` and, in the log, also
/// `in_log`.
async fn keys_with_changes<C: ConnectionTrait>(
    db: &C,
    keys: &[Image],
    wanted: Condition,
    in_log: Option<Expr>,
) -> Result<BTreeSet<usize>, DbErr> {
    let dialect = database::of(db);
    let mut places = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.extend(texts_of(key).map(|text| (text, place)));
    }
    if places.is_empty() {
        return Ok(BTreeSet::new());
    }
    let of_them = wanted.add(any_key_condition(keys, dialect));
    // The inbox is read first: what is moved meanwhile is then found in the log.
    let inbox = dialect.facts().inbox;
    let inbox = inbox.map(|inbox| (inbox, of_them.clone()));
    let log = ("change_log", of_them.add_option(in_log));
    let mut found = BTreeSet::new();
    for (table, wanted) in inbox.into_iter().chain([log]) {
        let texts = key_texts(db, table, wanted).await?;
        found.extend(texts.iter().filter_map(|text| places.get(text)));
    }
    Ok(found)
}

/// The keys, as they are stored, of those changes in a table of the log that meet a condition.
pub(crate) async fn key_texts<C: ConnectionTrait>(
    db: &C,
    table: &str,
    wanted: Condition,
) -> Result<Vec<Vec<u8>>, DbErr> {
    let dialect = database::of(db);
    let key = dialect.readable_column(Expr::col(Column::RowKey), ReadAs::Json);
    let select = Query::select()
        .distinct()
        .expr_as(key, "found")
        .from(Alias::new(table))
        .cond_where(wanted)
        .take();
    let rows = db.query_all(&select).await?;
    let text = |row| Ok(dialect.read_text(row, "found")?.unwrap_or_default());
    rows.iter().map(text).collect()
}
