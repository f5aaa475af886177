//! The rows that the writers fight for.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Table};
use sea_orm::{ActiveValue::Set, Schema, TransactionSession, TransactionTrait};
use seachange_changelog::TrackedConnection;

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

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

seachange_changelog::track!();

/// Makes the table and its rows, all with value 0.
pub(super) async fn create(db: &TrackedConnection, rows: i64) -> Result<(), DbErr> {
    let backend = ConnectionTrait::get_database_backend(db);
    remove(db).await?;
    let table = Schema::new(backend).create_table_from_entity(Entity);
    db.writer().execute(&table).await?;
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

/// Removes the table; its changes stay in the log.
pub(super) async fn remove(db: &TrackedConnection) -> Result<(), DbErr> {
    let table = Alias::new("seachange_torture");
    let drop = Table::drop().table(table).if_exists().take();
    db.writer().execute(&drop).await?;
    Ok(())
}
