//! Finds out which rows have changes in the log.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{Condition, ConnectionTrait, DbErr};

use crate::database;
use crate::image::{self, Image};
use crate::log::Column;
use crate::reader::{key_texts, with_numbers};
use crate::triggers::Present;

/// For each key, whether a change of its row is in the log or still waits in the inbox.
pub(super) async fn among<'k, C: ConnectionTrait>(
    tx: &C,
    table: &Present,
    keys: impl Iterator<Item = &'k Image>,
) -> Result<Vec<bool>, DbErr> {
    let mut rows: HashMap<String, usize> = HashMap::new();
    let mut count = 0;
    for (n, key) in keys.enumerate() {
        rows.extend(texts(table, key).into_iter().map(|text| (text, n)));
        count = n + 1;
    }
    let mut known = vec![false; count];
    if rows.is_empty() {
        return Ok(known);
    }
    let dialect = database::of(tx);
    for log in dialect.facts().logs() {
        let of_them = Condition::all()
            .add(Expr::col(Column::Entity).eq(&*table.entity))
            .add(dialect.has_key(rows.keys().cloned().collect()));
        for text in key_texts(tx, log, of_them).await? {
            if let Some(row) = rows.get(&text).and_then(|row| known.get_mut(*row)) {
                *row = true;
            }
        }
    }
    Ok(known)
}

/// The texts that the key may have in the log: with 64-bit numbers as strings, or as numbers (from SQLite's
/// triggers, or from before the column grew), and under older names of its columns.
fn texts(table: &Present, key: &Image) -> HashSet<String> {
    let old = table.schemas.under_old_names(&table.entity, key);
    let named = old.iter().chain([key]);
    named
        .flat_map(|key| [image::text_of(key), with_numbers(key)])
        .collect()
}
