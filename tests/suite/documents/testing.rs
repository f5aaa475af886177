//! `docs/how-to/testing.md`: a database in memory, and a server on a file.

use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use seachange::changelog::Context;
use seachange::{App, Connections, DatabaseSettings, Selection, Settings, Start};
use seachange_entity::label;
use seachange_migration::Migrator;
use seachange_testkit::{Outcome, OwnDatabase};

seachange_testkit::cases! { Sqlite: in_memory, with_a_server; }

/// The application as its `main` has it.
fn app() -> App {
    App::new().migrator::<Migrator>().entity::<label::Entity>()
}

async fn in_memory(_: &OwnDatabase) -> Outcome {
    let connections = Connections::open(DatabaseSettings::new("sqlite::memory:")).await?;
    Migrator::up(connections.tracked().writer(), None).await?;
    let feed = connections.follow().await?;

    let db = connections.tracked().with_context(Context::actor("test"));
    let tx = db.begin().await?;
    let label = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    label.insert(&tx).await?;
    tx.commit().await?;

    let page = feed.page(&Start::Oldest, &Selection::default(), 10).await?;
    assert_eq!(page.changes[0].row.actor.as_deref(), Some("test"));
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
