//! A moment: a tick and a reading transaction that share one snapshot.

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbErr, IsolationLevel, TransactionTrait,
};

use super::tick::{LOCK, Ticker, statement};
use crate::reader::{Moment, ReadError};

/// Opens a moment. The table lock comes first and takes no snapshot, so the snapshot of the first query sees
/// every earlier tick. The tick stores exactly that snapshot, and the reader gets it by export. So the reader
/// sees exactly what batches up to this tick contain.
pub(super) async fn open(db: &DatabaseConnection, ticker: &Ticker) -> Result<Moment, ReadError> {
    // Both connections are taken before the lock, so that no process waits for a connection while holding it.
    let tx = db
        .begin_with_config(
            Some(IsolationLevel::RepeatableRead),
            Some(AccessMode::ReadOnly),
        )
        .await?;
    let ticking = db
        .begin_with_config(Some(IsolationLevel::RepeatableRead), None)
        .await?;
    ticking.execute_unprepared(LOCK).await?;
    let position = ticker.add(&ticking).await?;
    let exported = ticking
        .query_one_raw(statement("SELECT pg_export_snapshot() AS name"))
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("pg_export_snapshot".to_owned()))?;
    let name: String = exported.try_get("", "name")?;
    // The name comes from the server and consists of hexadecimal digits and dashes.
    tx.execute_unprepared(&format!("SET TRANSACTION SNAPSHOT '{name}'"))
        .await?;
    ticking.commit().await?;
    Ok(Moment { tx, position })
}
