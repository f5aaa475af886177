//! Notifications of other processes' ticks.
//!
//! A ticker sends the notification, never a user's transaction, because a NOTIFY takes a lock of the whole
//! server until its commit. Signals may be lost with their connection, so callers also poll.

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use super::tick::CHANNEL;

/// Waits for the ticks of other processes. It holds one connection from the first wait on.
pub struct Signals {
    db: DatabaseConnection,
    node: String,
    listener: Option<PgListener>,
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
        said.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
    }

    async fn listen(&mut self) -> Result<(), sea_orm::sqlx::Error> {
        let listener = match &mut self.listener {
            Some(listener) => listener,
            None => {
                let pool = self.db.get_postgres_connection_pool();
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen(CHANNEL).await?;
                self.listener.insert(listener)
            }
        };
        // `None` means that the connection was lost, and perhaps a signal with it.
        while let Some(signal) = listener.try_recv().await? {
            if signal.payload() != self.node {
                break;
            }
        }
        Ok(())
    }
}
