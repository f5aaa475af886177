//! `migrate up|down|status`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::{App, Settings};
use crate::database;

/// What `migrate` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Direction {
    /// Apply all pending migrations.
    Up,
    /// Revert the last migration.
    Down,
    /// List the migrations, and which of them have been applied.
    Status,
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    direction: Direction,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let db = database::connect(&settings.database()).await?;
    // Migrations change tables, not rows, so they run without capture.
    match direction {
        Direction::Up => app.migrations.up(db.writer()).await?,
        Direction::Down => app.migrations.down(db.writer()).await?,
        Direction::Status => {}
    }
    for (name, applied) in app.migrations.status(db.writer()).await? {
        println!("{} {name}", if applied { "applied" } else { "pending" });
    }
    Ok(ExitCode::SUCCESS)
}
