//! `docs/how-to/testing.md`: a database in memory, and a server on a file.

use anyhow::Context as _;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ConnectOptions, Database, EntityTrait, TransactionSession, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use seachange::changelog::{Context, TrackedConnection, log};
use seachange::{App, Settings};
use seachange_entity::label;
use seachange_migration::Migrator;
use seachange_testkit::{Outcome, OwnDatabase};

seachange_testkit::cases! { Sqlite: in_memory, with_a_server; }

/// The application as its `main` has it.
fn app() -> App {
    App::new::<Migrator>().entity::<label::Entity>()
}

async fn in_memory(_: &OwnDatabase) -> Outcome {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    Migrator::up(&db, None).await?;
    let db = TrackedConnection::new(db).with_context(Context::actor("test"));

    let tx = db.begin().await?;
    let label = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    label.insert(&tx).await?;
    tx.commit().await?;

    let change = log::Entity::find().one(&db).await?.context("no change")?;
    assert_eq!(change.actor.as_deref(), Some("test"));
    Ok(())
}

async fn with_a_server(_: &OwnDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
    let settings = Settings::new(url, "127.0.0.1:0".parse()?);
    let app = app();
    let server = app.start(&settings).await?;
    // … requests to `server.address`, writes through `server.db()`
    let verdict = app.verify(server.feed()).await?;
    assert!(verdict.is_sound(), "{verdict:?}");
    server.stop().await?;
    Ok(())
}
