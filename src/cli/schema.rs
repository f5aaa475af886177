//! `schema`: prints the SDL, without a database.

use std::process::ExitCode;

use crate::app::{App, Settings};

pub(super) async fn command(
    app: &App,
    settings: &Settings,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    print!("{}", app.sdl(settings).await?);
    Ok(ExitCode::SUCCESS)
}
