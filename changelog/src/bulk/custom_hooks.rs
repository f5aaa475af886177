//! Runs an entity's custom hooks on rows that were written.

use sea_orm::DbErr;

use super::BulkEntity;
use crate::capture::Hooks;
use crate::rows::Stored;
use crate::tracked::TrackedTransaction;

/// Runs the entity's custom hook on a row that its model can hold.
pub(super) async fn after_save<E: BulkEntity>(
    tx: &TrackedTransaction,
    row: Stored<E::Model>,
    is_new: bool,
) -> Result<Stored<E::Model>, DbErr> {
    match row {
        Stored::Model(row) => {
            let row = <E::ActiveModel as Hooks>::after_save(row, tx, is_new).await?;
            Ok(Stored::Model(row))
        }
        row => Ok(row),
    }
}
