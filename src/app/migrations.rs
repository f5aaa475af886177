//! The adopter's migrations, without the type of their migrator.

use std::marker::PhantomData;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationStatus, MigratorTrait};
use tokio::time::Instant;

/// How long to wait for another process to apply a migration that failed here.
const OTHERS: Duration = Duration::from_secs(3);
/// The time between checks whether it has been applied.
const LOOK: Duration = Duration::from_millis(50);

/// The adopter's migrations.
#[async_trait::async_trait]
pub(crate) trait Migrations: Send + Sync {
    async fn up(&self, db: &DatabaseConnection) -> Result<(), DbErr>;
    async fn down(&self, db: &DatabaseConnection) -> Result<(), DbErr>;
    /// The name of each migration, and whether it is applied.
    async fn status(&self, db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr>;
}

struct MigrationsOf<M>(PhantomData<fn() -> M>);

/// The migrations of a program that names none: its tables are made by others.
pub(super) struct NoMigrations;

#[async_trait::async_trait]
impl Migrations for NoMigrations {
    async fn up(&self, _db: &DatabaseConnection) -> Result<(), DbErr> {
        Ok(())
    }

    async fn down(&self, _db: &DatabaseConnection) -> Result<(), DbErr> {
        let message = "this program names no migrator; cure: `App::migrator`";
        Err(DbErr::Migration(message.to_owned()))
    }

    async fn status(&self, _db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr> {
        Ok(Vec::new())
    }
}

pub(super) fn migrations<M: MigratorTrait + 'static>() -> Box<dyn Migrations> {
    Box::new(MigrationsOf::<M>(PhantomData))
}

#[async_trait::async_trait]
impl<M: MigratorTrait> Migrations for MigrationsOf<M> {
    /// If two processes migrate at once, one meets what the other has created, and fails. It does not retry,
    /// because the failure may be permanent, but waits for the other to apply the migration, and continues.
    async fn up(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        while let Err(error) = M::up(db, None).await {
            tracing::warn!(%error, "a migration failed; another process may be migrating");
            if !others_go_on::<M>(db).await {
                return Err(error);
            }
        }
        Ok(())
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

/// Whether another process applies a migration within [`OTHERS`], or has applied them all.
async fn others_go_on<M: MigratorTrait>(db: &DatabaseConnection) -> bool {
    let until = Instant::now() + OTHERS;
    let mut first = None;
    while Instant::now() < until {
        // While the other process is migrating, the database may not answer.
        if let Ok(pending) = M::get_pending_migrations(db).await {
            let before = *first.get_or_insert(pending.len());
            if pending.is_empty() || pending.len() < before {
                return true;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}
