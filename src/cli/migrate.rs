//! `migrate up|down|status`, and the migrator without its type.

use std::marker::PhantomData;
use std::process::ExitCode;

use clap::Subcommand;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationStatus, MigratorTrait};

use super::app::App;
use super::settings::Settings;
use crate::database;

/// What `migrate` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Direction {
    /// Apply all pending migrations.
    Up,
    /// Take back the last one.
    Down,
    /// List them.
    Status,
}

/// The adopter's migrations.
#[async_trait::async_trait]
pub(super) trait Migrations: Send + Sync {
    async fn up(&self, db: &DatabaseConnection) -> Result<(), DbErr>;
    async fn down(&self, db: &DatabaseConnection) -> Result<(), DbErr>;
    /// Name, and whether it is applied.
    async fn status(&self, db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr>;
}

struct MigrationsOf<M>(PhantomData<fn() -> M>);

pub(super) fn migrations<M: MigratorTrait + 'static>() -> Box<dyn Migrations> {
    Box::new(MigrationsOf::<M>(PhantomData))
}

#[async_trait::async_trait]
impl<M: MigratorTrait> Migrations for MigrationsOf<M> {
    async fn up(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        M::up(db, None).await
    }

    async fn down(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        M::down(db, Some(1)).await
    }

    async fn status(&self, db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr> {
        let migrations = M::get_migration_with_status(db).await?;
        Ok(migrations
            .iter()
            .map(|migration| {
                let applied = migration.status() == MigrationStatus::Applied;
                (migration.name().to_owned(), applied)
            })
            .collect())
    }
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    direction: Direction,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let db = database::connect(&settings.database()).await?;
    // Migrations change tables, not rows: they run beside capture.
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
