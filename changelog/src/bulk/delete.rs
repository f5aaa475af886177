//! Deleting rows.

use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbErr, StatementBuilder};

use super::locked_rows::{Chunks, relock};
use super::{BulkEntity, Target, table};
use crate::capture::Hooks;
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Row, among};
use crate::tracked::TrackedTransaction;
use crate::tracked::log_insert::RowChange;
use crate::tracked::rows_statement::{Answer, RowsStatement};

/// Deletes the target's rows and returns their number.
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
    mut rows: Vec<Row<E>>,
) -> Result<u64, DbErr> {
    let seen = tx.writes();
    let mut models = Vec::with_capacity(rows.len());
    for row in &rows {
        let model = row.active_model();
        models.push(<E::ActiveModel as Hooks>::before_delete(model, tx).await?);
    }
    if tx.writes() != seen {
        // A custom hook has written, perhaps to these very rows.
        rows = relock::<E>(tx, &rows).await?;
    }
    let count = rows.len();
    if count > 0 {
        let statement = Query::delete()
            .from_table(E::default().table_ref())
            .cond_where(among(rows.iter()))
            .take();
        tx.write_rows(RowsStatement {
            table: table::<E>(),
            operation: Operation::Delete,
            statement: StatementBuilder::build(&statement, &tx.get_database_backend()),
            rows: count,
            answer: Answer::Count,
        })
        .await?;
        let changes = rows.into_iter().map(|row| RowChange {
            key: row.key(),
            before: Some(row.into_image()),
            after: None,
        });
        tx.record_rows(table::<E>(), Operation::Delete, changes.collect())
            .await?;
    }
    for model in models {
        <E::ActiveModel as Hooks>::after_delete(model, tx).await?;
    }
    Ok(count as u64)
}
