//! Connecting: the pools, and what every connection is set up with.

mod connections;
mod pool;
mod settings;
mod write_probe;

use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal;

pub use self::connections::Connections;
use self::pool::Use;
pub use self::settings::DatabaseSettings;
pub(crate) use self::write_probe::WriteProbe;

/// Connects an application without a feed.
///
/// # Errors
/// The same as for [`Connections::open`].
pub async fn connect(settings: &DatabaseSettings) -> Result<TrackedConnection, DbErr> {
    let url = settings.url();
    if pool::is_memory(url) {
        // This pool must not close its connection, which holds the database.
        let db = pool::open_memory(settings).await?;
        return Ok(TrackedConnection::new(db));
    }
    let first = pool::first_statements(settings).await?;
    connect_with(settings, &first).await
}

/// Connects an application to a database outside of this process's memory. Connections begin with statements.
async fn connect_with(
    settings: &DatabaseSettings,
    first: &[String],
) -> Result<TrackedConnection, DbErr> {
    let connections = Use {
        first: first.to_vec(),
        ..Use::of(settings.connections.max(1))
    };
    if !pool::is_file(settings.url()) {
        let pool = pool::open(settings, connections).await?;
        return Ok(TrackedConnection::new(pool).with_clean_pool());
    }
    // One connection writes and others read, so that a slow writer holds up no reader.
    let purpose = Use {
        turn: Some(settings.lock_wait),
        ..Use::of(1)
    };
    let writer = pool::open(settings, purpose).await?;
    let reader = pool::open(settings, connections).await?;
    Ok(TrackedConnection::new(writer)
        .with_clean_pool()
        .with_reader(reader))
}

/// Warns of what makes the program's own pool slow.
async fn warn_of_pool(db: &DatabaseConnection) -> Result<(), DbErr> {
    if let Some(finding) = internal::of(db).pool_finding(db).await? {
        tracing::warn!("{finding}");
    }
    Ok(())
}

/// How many transactions may write at once so that a fifth of the connections, at least one, is left for
/// reading. Unbounded if reads have a separate pool.
pub(crate) fn most_writers(db: &TrackedConnection) -> usize {
    let driver = internal::driver_of(db.writer()).ok();
    let Some(connections) = driver.and_then(|driver| driver.most_connections(db.writer())) else {
        return usize::MAX;
    };
    let left = (connections / 5).max(1);
    usize::try_from(connections.saturating_sub(left).max(1)).unwrap_or(usize::MAX)
}
