//! Removes expired claims and answers. Nothing depends on it, because an expired row does not count.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::internal::request;

use super::ago;

/// Time between looks for expired rows.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Claims from one look for expired rows to the next in a program without a server. They leave at most twice as
/// many rows, and a look removes [`request::STEP`].
const CLAIMS: u64 = 100;

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
            warn(&error);
        }
    }
}

async fn forget_all(db: &DatabaseConnection, age: Duration) -> Result<(), DbErr> {
    let before = ago(age);
    while request::forget(db, before).await? == request::STEP {}
    Ok(())
}

fn warn(error: &DbErr) {
    tracing::warn!(%error, "expired idempotency keys could not be removed; tried again later");
}

/// Counts claims, so that a program that runs no server removes expired rows, too.
#[derive(Debug, Default)]
pub(crate) struct ClaimCount(AtomicU64);

impl ClaimCount {
    /// Counts a claim that is about to be made. With the first one, and with each hundredth after it, removes up
    /// to [`request::STEP`] claims and answers older than `age`.
    pub(crate) async fn next(&self, db: &DatabaseConnection, age: Duration) {
        if self
            .0
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(CLAIMS)
            && let Err(error) = request::forget(db, ago(age)).await
        {
            warn(&error);
        }
    }
}
