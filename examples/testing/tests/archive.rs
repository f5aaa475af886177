//! Tests without a server and without a file: a database in memory for each.

use example_testing::archive;
use sea_orm::prelude::Uuid;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use seachange::changelog::{Context, Operation};
use seachange::{Connections, DatabaseSettings, Selection, Start};
use seachange_entity::{project, task};
use seachange_migration::Migrator;

/// A migrated database with one project of three tasks, of which one is done.
async fn given() -> anyhow::Result<(Connections, Uuid)> {
    let connections = Connections::open(DatabaseSettings::new("sqlite::memory:")).await?;
    // Migrations run on the connection that does not record.
    Migrator::up(connections.tracked().writer(), None).await?;
    let tx = connections.tracked().begin().await?;
    let project = project::ActiveModel {
        id: Set(Uuid::new_v4()),
        name: Set("garden".to_owned()),
        ..Default::default()
    };
    let project = project.insert(&tx).await?;
    for status in [task::Status::Todo, task::Status::Doing, task::Status::Done] {
        let task = task::ActiveModel {
            id: Set(Uuid::new_v4()),
            project_id: Set(project.id),
            title: Set("a task".to_owned()),
            status: Set(status),
            ..Default::default()
        };
        task.insert(&tx).await?;
    }
    tx.commit().await?;
    Ok((connections, project.id))
}

#[tokio::test]
async fn archiving_is_recorded_with_its_actor() -> anyhow::Result<()> {
    let (connections, project) = given().await?;
    let feed = connections.follow().await?;
    let before = Start::After(feed.head().await?);
    let ada = connections.tracked().with_context(Context::actor("ada"));
    assert_eq!(archive(&ada, project).await?, 2);
    let page = feed.page(&before, &Selection::default(), 100).await?;
    let changed: Vec<_> = page.changes.iter().map(|change| &change.row).collect();
    assert_eq!(changed.len(), 3);
    assert!(changed.iter().all(|row| row.operation == Operation::Update));
    assert!(
        changed
            .iter()
            .all(|row| row.actor.as_deref() == Some("ada"))
    );
    // All of it belongs to one transaction.
    let first = &changed[0].transaction_id;
    assert!(changed.iter().all(|row| &row.transaction_id == first));
    Ok(())
}

#[tokio::test]
async fn what_fails_is_not_recorded() -> anyhow::Result<()> {
    let (connections, _) = given().await?;
    let feed = connections.follow().await?;
    let before = Start::After(feed.head().await?);
    assert!(
        archive(connections.tracked(), Uuid::new_v4())
            .await
            .is_err()
    );
    let page = feed.page(&before, &Selection::default(), 100).await?;
    assert!(page.changes.is_empty());
    Ok(())
}
