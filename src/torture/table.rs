//! The rows for which the writers compete.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Schema, TransactionTrait};
use seachange_changelog::{Target, TrackedConnection};

/// A row; `value` is a number that no other write has.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seachange_torture")]
pub struct Model {
    /// 1 to the number of rows, and 0 for the transaction that stays open.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The number of the last write.
    pub value: i64,
}

/// The entity has no relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

seachange_changelog::track!();

/// Creates the table, if it is missing, and its rows, all with value 0.
pub(super) async fn create(db: &TrackedConnection, rows: i64) -> Result<(), DbErr> {
    let backend = ConnectionTrait::get_database_backend(db);
    let mut table = Schema::new(backend).create_table_from_entity(Entity);
    db.writer().execute(table.if_not_exists()).await?;
    clear(db).await?;
    let tx = db.begin().await?;
    for id in 0..=rows {
        let row = ActiveModel {
            id: Set(id),
            value: Set(0),
        };
        row.insert(&tx).await?;
    }
    tx.commit().await
}

/// Deletes the rows. The table stays, because the log has changes of it, and `verify` must be able to read
/// it.
pub(super) async fn clear(db: &TrackedConnection) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    tx.delete_many::<Entity>(Target::all()).await?;
    tx.commit().await
}
