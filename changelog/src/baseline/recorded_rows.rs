//! Finds out which rows have changes in the log.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{Condition, ConnectionTrait, DbErr};

use crate::database;
use crate::image::Image;
use crate::log::Column;
use crate::reader::{any_key_condition, key_texts, texts_of};
use crate::triggers::CurrentRows;

/// For each key, whether a change of its row is in the log or still waits in the inbox.
pub(super) async fn are_recorded<'k, C: ConnectionTrait>(
    tx: &C,
    table: &CurrentRows,
    keys: impl Iterator<Item = &'k Image>,
) -> Result<Vec<bool>, DbErr> {
    let mut rows: HashMap<Vec<u8>, usize> = HashMap::new();
    let (mut names, mut count) = (Vec::new(), 0);
    for (n, key) in keys.enumerate() {
        let of_row = names_of(table, key);
        rows.extend(of_row.iter().flat_map(texts_of).map(|text| (text, n)));
        names.extend(of_row);
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
            .add(any_key_condition(&names, dialect));
        for text in key_texts(tx, log, of_them).await? {
            if let Some(row) = rows.get(&text).and_then(|row| known.get_mut(*row)) {
                *row = true;
            }
        }
    }
    Ok(known)
}

/// The key under the names that its columns have now, and under older ones.
fn names_of(table: &CurrentRows, key: &Image) -> Vec<Image> {
    let mut names = table.schemas.under_old_names(&table.entity, key);
    names.push(key.clone());
    names
}
