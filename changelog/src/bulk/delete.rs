//! Deleting rows.

use std::collections::HashMap;

use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbErr, IntoActiveModel, StatementBuilder};

use super::rows::{Chunks, among, keys, lock, values_of};
use super::{BulkEntity, Target, table};
use crate::capture::Hooks;
use crate::error::CaptureError;
use crate::image;
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::tracked::TrackedTransaction;
use crate::tracked::append::RowChange;
use crate::tracked::bulk::{Answer, RowsStatement};

/// Deletes the target's rows; returns how many.
pub(super) async fn rows<E: BulkEntity>(
    tx: &TrackedTransaction,
    target: Target,
) -> Result<u64, DbErr> {
    let mut deleted = 0;
    let mut chunks = Chunks::<E>::new(target, RowLock::Delete);
    loop {
        let rows = chunks.next(tx).await?;
        if rows.is_empty() {
            return Ok(deleted);
        }
        deleted += chunk::<E>(tx, rows).await?;
    }
}

async fn chunk<E: BulkEntity>(
    tx: &TrackedTransaction,
    mut rows: Vec<E::Model>,
) -> Result<u64, DbErr> {
    let seen = tx.writes();
    let mut models = Vec::with_capacity(rows.len());
    for row in &rows {
        let model = row.clone().into_active_model();
        models.push(<E::ActiveModel as Hooks>::before_delete(model, tx).await?);
    }
    let columns = keys::<E>();
    if tx.writes() != seen {
        // An own hook wrote: perhaps these very rows.
        rows = again::<E>(tx, &rows).await?;
    }
    let count = rows.len();
    if count > 0 {
        let tuples = rows.iter().map(|row| values_of(row, &columns)).collect();
        let statement = Query::delete()
            .from_table(E::default().table_ref())
            .cond_where(among(&columns, tuples))
            .take();
        tx.write_rows(RowsStatement {
            table: table::<E>(),
            operation: Operation::Delete,
            statement: StatementBuilder::build(&statement, &tx.get_database_backend()),
            rows: count,
            answer: Answer::Count,
        })
        .await?;
        let changes = rows.iter().map(|row| {
            Ok(RowChange {
                key: image::key_of(row)?,
                before: Some(image::image_of(row)?),
                after: None,
            })
        });
        let changes = changes.collect::<Result<_, CaptureError>>()?;
        tx.record_rows(table::<E>(), Operation::Delete, changes)
            .await?;
    }
    for model in models {
        <E::ActiveModel as Hooks>::after_delete(model, tx).await?;
    }
    Ok(count as u64)
}

/// The rows as they are now, in the same order, less those that are gone.
pub(super) async fn again<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[E::Model],
) -> Result<Vec<E::Model>, DbErr> {
    let columns = keys::<E>();
    let tuples = rows.iter().map(|row| values_of(row, &columns)).collect();
    let found = lock::<E>(tx, among(&columns, tuples), RowLock::Delete, None).await?;
    let mut by_key = HashMap::with_capacity(found.len());
    for row in found {
        let key = image::key_of(&row).map_err(CaptureError::from)?;
        by_key.insert(image::text_of(&key), row);
    }
    let mut now = Vec::with_capacity(rows.len());
    for row in rows {
        let key = image::key_of(row).map_err(CaptureError::from)?;
        now.extend(by_key.remove(&image::text_of(&key)));
    }
    Ok(now)
}
