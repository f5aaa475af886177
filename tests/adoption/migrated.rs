//! Data migrations: rows that a migration writes are in the log, with who wrote them, also those of tables that
//! hooks record.

use sea_orm::{ConnectionTrait, DbErr, TransactionTrait};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use seachange::changelog::{
    Context, Source, TriggerOptions, tell, track_by_hooks, track_by_triggers,
};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![rows_that_a_migration_writes_are_recorded];

struct LoudLabels;

impl MigrationName for LoudLabels {
    fn name(&self) -> &str {
        "m20261130_000001_loud_labels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for LoudLabels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        track_by_triggers(db, "label", TriggerOptions::new()).await?;
        let tx = tell(db.begin().await?, &Context::actor(self.name())).await?;
        tx.execute_unprepared("UPDATE label SET name = upper(name)")
            .await?;
        tx.commit().await?;
        track_by_hooks(db, "label").await
    }
}

/// As SeaORM's migrator does it: on PostgreSQL the migration is one transaction.
async fn migrate(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    if server.kind.name() == "postgres" {
        let tx = db.begin().await?;
        LoudLabels.up(&SchemaManager::new(&tx)).await?;
        tx.commit().await?;
    } else {
        LoudLabels.up(&SchemaManager::new(db)).await?;
    }
    Ok(())
}

async fn rows_that_a_migration_writes_are_recorded(server: &TestServer) -> Outcome {
    server.label("one").await?;
    server.label("two").await?;
    migrate(server).await?;
    server.label("three").await?;
    let changes = server.logged().await?;
    let changes = changes.iter().filter(|change| change.entity == "label");
    let told: Vec<_> = changes
        .map(|change| {
            let name = change
                .after
                .as_ref()
                .and_then(|after| after["name"].as_str());
            (name, change.source, change.actor.as_deref())
        })
        .collect();
    let migration = Some(LoudLabels.name());
    let expected = [
        (Some("one"), Source::Hook, None),
        (Some("two"), Source::Hook, None),
        (Some("ONE"), Source::Trigger, migration),
        (Some("TWO"), Source::Trigger, migration),
        (Some("three"), Source::Hook, None),
    ];
    assert_eq!(told, expected);
    Ok(())
}
