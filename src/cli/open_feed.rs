//! Opens the feed for commands that read a database which a server may be serving at the same time.

use sea_orm::DbErr;
use seachange_changelog::{Cause, Refused, cause};

use crate::app::Settings;
use crate::database::Connections;
use crate::feed::{Feed, FeedError};

/// Connects and follows the log. This process does not write, so nothing wakes the feed, and it polls.
///
/// # Errors
/// [`Refused::NoLog`] for a database that was never migrated, or an error of the database.
pub(super) async fn open_feed(settings: &Settings) -> Result<Feed, FeedError> {
    let connections = Connections::open(settings.database()).await?;
    connections.follow().await.map_err(|error| match error {
        FeedError::Refused(Refused::Database(error)) if is_missing_table(&error) => {
            FeedError::Refused(Refused::NoLog)
        }
        error => error,
    })
}

pub(super) fn is_missing_table(error: &DbErr) -> bool {
    cause(error) == Some(Cause::NoTable)
}
