//! Removes expired claims and answers. Nothing depends on it, because an expired row does not count.

use std::pin::pin;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::request;

use super::ago;

/// Time between looks for expired rows.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Removes claims and answers older than `age`, now and from time to time, a few per statement so that nothing
/// waits long for it. Ends between two looks, when `until` does.
pub(crate) async fn sweep(db: DatabaseConnection, age: Duration, until: impl Future<Output = ()>) {
    let mut until = pin!(until);
    let mut next = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = &mut until => return,
            _ = next.tick() => {}
        }
        if let Err(error) = forget_all(&db, age).await {
            tracing::warn!(%error, "expired idempotency keys could not be removed; tried again later");
        }
    }
}

async fn forget_all(db: &DatabaseConnection, age: Duration) -> Result<(), DbErr> {
    let before = ago(age);
    while request::forget(db, before).await? == request::STEP {}
    Ok(())
}
