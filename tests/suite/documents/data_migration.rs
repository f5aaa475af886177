//! `docs/how-to/data-migrations.md`: rows of a table that hooks record, written by SQL in a migration.

use sea_orm::ActiveModelTrait;
use sea_orm::ActiveValue::Set;
use sea_orm::TransactionTrait;
use sea_orm_migration::prelude::*;
use seachange::Start;
use seachange::changelog::log::{Operation, Source};
use seachange::changelog::{TriggerOptions, track_by_hooks, track_by_triggers};
use seachange_entity::label;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![rows_written_by_sql_are_recorded];

struct Rename;

impl MigrationName for Rename {
    fn name(&self) -> &str {
        "m20261201_000002_rename"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Rename {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        track_by_triggers(db, "label", TriggerOptions::new()).await?;
        db.execute_unprepared("UPDATE label SET name = 'later' WHERE name = 'someday'")
            .await?;
        track_by_hooks(db, "label").await
    }
}

async fn insert(server: &TestServer, name: &str) -> anyhow::Result<label::Model> {
    let tx = server.db().begin().await?;
    let label = label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    let label = label.insert(&tx).await?;
    tx.commit().await?;
    Ok(label)
}

async fn rows_written_by_sql_are_recorded(server: &TestServer) -> Outcome {
    let label = insert(server, "someday").await?;
    let manager = SchemaManager::new(server.db().writer());
    Rename.up(&manager).await?;
    // Hooks record the table again.
    let other = insert(server, "never").await?;
    let service = server.server().service();
    let mut seen = Vec::new();
    for id in [label.id, other.id] {
        let page = service
            .history::<label::Entity>(id, &Start::Oldest, 100)
            .await?;
        seen.extend(
            page.changes
                .into_iter()
                .map(|change| (change.row.operation, change.row.source)),
        );
    }
    let expected = [
        (Operation::Insert, Source::Hook),
        (Operation::Update, Source::Trigger),
        (Operation::Insert, Source::Hook),
    ];
    assert_eq!(seen, expected);
    Ok(())
}
