//! Notifications of other processes' ticks.
//!
//! A ticker sends the notification, never a user's transaction, because a NOTIFY takes a lock of the whole
//! server until its commit. Signals may be lost with their connection, so callers also poll.

use sea_orm::{DatabaseConnection, DbErr};

use super::tick::CHANNEL;
use crate::database::{self, Listener};

/// Waits for the ticks of other processes. It holds one connection from the first wait on.
pub struct Signals {
    db: DatabaseConnection,
    node: String,
    listener: Option<Box<dyn Listener>>,
}

impl Signals {
    pub(super) fn new(db: DatabaseConnection, node: String) -> Self {
        Self {
            db,
            node,
            listener: None,
        }
    }

    /// Returns after another process has ticked. If the future is dropped half-way, a tick may be missed.
    ///
    /// # Errors
    /// Errors of the database; the next call reconnects.
    pub async fn next(&mut self) -> Result<(), DbErr> {
        let said = self.listen().await;
        if said.is_err() {
            self.listener = None;
        }
        said
    }

    async fn listen(&mut self) -> Result<(), DbErr> {
        let listener = match &mut self.listener {
            Some(listener) => listener,
            None => {
                let driver = database::driver_of(&self.db)?;
                self.listener
                    .insert(driver.listen(&self.db, CHANNEL).await?)
            }
        };
        // `None` means that the connection was lost, and perhaps a signal with it.
        while let Some(node) = listener.next().await? {
            if node != self.node {
                break;
            }
        }
        Ok(())
    }
}
