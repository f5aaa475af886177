//! `docs/how-to/write-from-rust.md`: writing, history and undoing, without a server.

use anyhow::Context as _;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait};
use seachange::changelog::Context;
use seachange::{Cursor, DatabaseSettings, Service, Start};
use seachange_entity::label;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![written_and_undone];

async fn written_and_undone(server: &TestServer) -> Outcome {
    let settings = DatabaseSettings::new(&server.settings.database_url);
    let service = Service::connect(&settings).await?.entity::<label::Entity>();
    let service = service.with_context(Context::actor("alice"));
    let label = service
        .transact(|tx| {
            Box::pin(async move {
                let label = label::ActiveModel {
                    name: Set("urgent".to_owned()),
                    ..Default::default()
                };
                Ok(label.insert(tx).await?)
            })
        })
        .await?;

    let page = service
        .history::<label::Entity>(label.id, &Start::Oldest, 100)
        .await?;
    let change = page.changes.first().context("no change")?;
    println!("{} by {:?}", change.row.operation, change.row.actor);

    // Undone by another change, which is refused if the row has been changed since.
    let cursor = Cursor::at(&page.epoch, change.position);
    let undone = service.revert_change(&cursor).await?;
    assert_eq!(undone.len(), 1);
    let left = label::Entity::find().all(service.db()).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}
