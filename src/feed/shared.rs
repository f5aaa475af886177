//! What the feed's tasks and its handles share: the database, and the log that is followed now.

use std::sync::Arc;

use parking_lot::RwLock;
use sea_orm::DatabaseConnection;
use seachange_changelog::internal::admit;
use seachange_changelog::internal::reader::{Position, ReadError};
use tokio::sync::{Mutex, Notify, Semaphore};

use super::cursor::{Cursor, Epoch};
use super::error::FeedError;
use super::log::Followed;
use super::log_health::LogHealth;
use super::run_detached::run_detached;

/// Snapshots open at once: half of the feed's connections, so that they never hold up the feed.
pub(crate) const SNAPSHOTS: usize = 4;

pub(super) struct Shared {
    pub(super) db: DatabaseConnection,
    /// Replaced when the database gets another epoch.
    followed: RwLock<Arc<Followed>>,
    /// Held while advancing or replacing the log. Other callers wait and find it done.
    turn: Mutex<()>,
    pub(super) snapshots: Arc<Semaphore>,
    pub(super) wake: Arc<Notify>,
    pub(super) log_health: LogHealth,
    /// The newest position of the log followed, as of the last look.
    known: RwLock<Cursor>,
}

impl Shared {
    /// # Errors
    /// [`FeedError::Refused`] if the database has no log or cannot be followed.
    pub(super) async fn open(db: DatabaseConnection, wake: Arc<Notify>) -> Result<Self, FeedError> {
        let epoch: Epoch = admit(&db).await?.parse()?;
        let followed = Followed::open(&db, epoch);
        Ok(Self {
            known: RwLock::new(followed.log.cursor(Position::START)),
            followed: RwLock::new(followed),
            db,
            turn: Mutex::new(()),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            wake,
            log_health: LogHealth::new(),
        })
    }

    pub(super) fn newest_known(&self) -> Cursor {
        self.known.read().clone()
    }

    pub(super) fn followed(&self) -> Arc<Followed> {
        // A reference is stored whole or not at all, so a panic elsewhere cannot have torn it.
        let followed = self.followed.read();
        Arc::clone(&followed)
    }

    /// Makes what is committed readable. Returns the log followed now and its newest position.
    pub(super) async fn head(self: &Arc<Self>) -> Result<(Arc<Followed>, Position), FeedError> {
        let shared = Arc::clone(self);
        run_detached(async move {
            let _turn = shared.turn.lock().await;
            let followed = shared.followed();
            match followed.log.advance().await {
                Err(ReadError::Replaced) => {}
                advanced => {
                    let head = advanced?;
                    shared.know(&followed, head);
                    return Ok((followed, head));
                }
            }
            let followed = shared.replace().await?;
            let head = followed.log.advance().await?;
            shared.know(&followed, head);
            Ok((followed, head))
        })
        .await
    }

    /// Only called by the holder of `turn`, so positions only grow.
    fn know(&self, followed: &Followed, head: Position) {
        let mut known = self.known.write();
        *known = followed.log.cursor(head);
    }

    /// Follows the log that the database has now. Subscribers of the old log get an error when they
    /// next look at it.
    async fn replace(&self) -> Result<Arc<Followed>, FeedError> {
        let epoch: Epoch = admit(&self.db).await?.parse()?;
        tracing::warn!(%epoch, "the change log has been replaced; every older cursor is refused");
        let followed = Followed::open(&self.db, epoch);
        let mut place = self.followed.write();
        *place = Arc::clone(&followed);
        Ok(followed)
    }
}
