//! `schema`: prints the SDL, without a database.

use std::process::ExitCode;

use sea_orm::{ConnectOptions, Database};
use seachange_changelog::TrackedConnection;

use super::app::App;
use super::settings::Settings;

pub(super) async fn command(
    app: &App,
    settings: &Settings,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    print!("{}", app.sdl(settings).await?);
    Ok(ExitCode::SUCCESS)
}

impl App {
    /// The GraphQL schema in its definition language.
    ///
    /// # Errors
    /// If the registered parts do not fit together, e.g. because an enumeration is missing.
    pub async fn sdl(&self, settings: &Settings) -> Result<String, Box<dyn std::error::Error>> {
        // Making the schema requires a connection; this one is never opened.
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.connect_lazy(true);
        let db = TrackedConnection::new(Database::connect(options).await?);
        let limits = settings.limits.clone();
        let schema = self
            .entities
            .schema(&db, None, &limits, &Default::default())?;
        Ok(schema.sdl())
    }
}
