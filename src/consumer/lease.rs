//! The right to run the consumer of a name, and its checkpoint.

use std::convert::Infallible;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::consumer;

use super::LEASE;
use crate::feed::{Cursor, FeedError, run_detached};

/// Time between renewals: two may fail before the lease is over.
pub(super) const RENEW: Duration = Duration::from_secs(5);

/// One process's claim on a name.
#[derive(Clone)]
pub(super) struct Lease {
    db: DatabaseConnection,
    name: String,
    holder: String,
}

/// Why a term of work ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// Another process holds the lease, or an operator has paused the consumer.
    #[error("another process runs it, or it is paused")]
    Taken,
    /// The database failed or did not answer.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Lease {
    pub(super) fn new(db: DatabaseConnection, name: String) -> Self {
        Self {
            db,
            name,
            holder: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Takes the lease and returns the checkpoint, if there is one.
    pub(super) async fn claim(&self) -> Result<Option<Result<Cursor, FeedError>>, Lost> {
        let Self { db, name, holder } = self.clone();
        let claim = async move { consumer::claim(&db, &name, &holder, LEASE).await };
        let held = run_detached(claim).await?.ok_or(Lost::Taken)?;
        let read = |text: String| text.parse().map_err(FeedError::from);
        Ok(held.cursor.map(read))
    }

    pub(super) async fn renew(&self) -> Result<(), Lost> {
        let Self { db, name, holder } = self.clone();
        let renew = async move { consumer::renew(&db, &name, &holder, LEASE).await };
        held(run_detached(renew).await?)
    }

    pub(super) async fn save(&self, cursor: &Cursor) -> Result<(), Lost> {
        let Self { db, name, holder } = self.clone();
        let text = cursor.to_string();
        let save = async move { consumer::save(&db, &name, &holder, &text, LEASE).await };
        held(run_detached(save).await?)
    }

    /// Gives the lease back. If that fails, the lease runs out by itself.
    pub(super) async fn release(&self) {
        let Self { db, name, holder } = self.clone();
        let release = async move { consumer::release(&db, &name, &holder).await };
        if let Err(error) = run_detached(release).await {
            tracing::debug!(consumer = self.name, %error, "lease not given back");
        }
    }

    pub(super) async fn pause(&self) -> Result<(), DbErr> {
        let Self { db, name, .. } = self.clone();
        let pause = async move { consumer::pause(&db, &name).await };
        run_detached(pause).await.map(drop)
    }

    pub(super) async fn resume(&self) -> Result<(), DbErr> {
        let Self { db, name, .. } = self.clone();
        let resume = async move { consumer::resume(&db, &name).await };
        run_detached(resume).await.map(drop)
    }

    /// Does the work while renewing the lease. The work is never dropped half-way: if the lease is
    /// lost meanwhile, saving the checkpoint fails.
    pub(super) async fn held_during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.keep_renewing() => match never {},
        }
    }

    async fn keep_renewing(&self) -> Infallible {
        loop {
            tokio::time::sleep(RENEW).await;
            if let Err(error) = self.renew().await {
                tracing::debug!(consumer = self.name, %error, "lease not renewed");
            }
        }
    }
}

fn held(is_held: bool) -> Result<(), Lost> {
    if is_held { Ok(()) } else { Err(Lost::Taken) }
}
