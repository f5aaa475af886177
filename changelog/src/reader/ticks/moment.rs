//! A moment: a tick and a reading transaction that share one snapshot.

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbErr, IsolationLevel, TransactionTrait,
};

use super::tick::{LOCK, add, statement};
use crate::reader::Moment;

/// Opens a moment. The table lock comes first and takes no snapshot, so that the snapshot of the
/// first query sees every earlier tick; the tick stores that very snapshot, and the reader gets it
/// by export. What the reader sees is then exactly what batches up to this tick contain.
pub(super) async fn open(db: &DatabaseConnection) -> Result<Moment, DbErr> {
    let ticker = db
        .begin_with_config(Some(IsolationLevel::RepeatableRead), None)
        .await?;
    ticker.execute_unprepared(LOCK).await?;
    let position = add(&ticker).await?;
    let exported = ticker
        .query_one_raw(statement("SELECT pg_export_snapshot() AS name"))
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("pg_export_snapshot".to_owned()))?;
    let name: String = exported.try_get("", "name")?;
    let tx = db
        .begin_with_config(
            Some(IsolationLevel::RepeatableRead),
            Some(AccessMode::ReadOnly),
        )
        .await?;
    // The name comes from the server: hexadecimal digits and dashes.
    tx.execute_unprepared(&format!("SET TRANSACTION SNAPSHOT '{name}'"))
        .await?;
    ticker.commit().await?;
    Ok(Moment { tx, position })
}
