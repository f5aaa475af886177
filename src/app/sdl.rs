//! The application's GraphQL schema as a text, without a database.

use sea_orm::{ConnectOptions, Database};
use seachange_changelog::TrackedConnection;
use seachange_changelog::internal::unopened_url;

use super::{App, Settings};

impl App {
    /// The GraphQL schema in its definition language.
    ///
    /// # Errors
    /// If the registered parts do not fit together, e.g. because an enumeration is missing.
    pub async fn sdl(&self, settings: &Settings) -> Result<String, Box<dyn std::error::Error>> {
        // Making the schema requires a connection; this one is never opened.
        let mut options = ConnectOptions::new(unopened_url());
        options.connect_lazy(true);
        let db = TrackedConnection::new(Database::connect(options).await?);
        let schema = self
            .entities
            .schema(&db, None, &settings.limits, &Default::default())?;
        Ok(schema.sdl())
    }
}
