//! Tests whether the database takes writes: a row is written, removed and committed.

use chrono::Utc;
use sea_orm::{
    ActiveValue::Set, DatabaseConnection, DbErr, EntityTrait, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::request::{ActiveModel, Entity};

/// Writes a row of `change_request`, removes it and commits. A full disk, a read-only database, or a lock
/// that is never released shows only when something is written.
///
/// # Errors
/// Errors of the database.
#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
pub async fn try_write(db: &DatabaseConnection) -> Result<(), DbErr> {
    let id = format!("try {}", uuid::Uuid::new_v4());
    let row = ActiveModel {
        id: Set(id.clone()),
        request: Set(String::new()),
        result: Set(None),
        created_at: Set(Utc::now()),
    };
    let options = TransactionOptions {
        // Other databases ignore this.
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    Entity::insert(row).exec_without_returning(&tx).await?;
    Entity::delete_by_id(id).exec(&tx).await?;
    tx.commit().await
}
