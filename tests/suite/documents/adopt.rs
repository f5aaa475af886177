//! `docs/how-to/adopt.md`: an application that knows nothing of the log, then one migration, then the connection.

#![expect(
    clippy::disallowed_methods,
    reason = "triggers record what these calls write, and that is what the page shows"
)]

use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, Database, DatabaseConnection,
    EntityTrait, QueryFilter, Schema, TransactionTrait,
};
use sea_orm_migration::prelude::*;
use seachange::changelog::log::{Operation, Source};
use seachange::changelog::{
    Context, TrackedConnection, TriggerOptions, baseline, create_change_log, track_by_triggers,
};
use seachange::{Change, Feed, Selection, Start};
use seachange_testkit::{Outcome, OwnDatabase};
use serde_json::json;
use tokio::sync::Notify;

seachange_testkit::cases![audited_by_one_migration_and_then_with_the_actor];

mod customer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub password_hash: String,
        pub orders: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The entity as it is once the connection is tracked.
#[allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]
mod tracked {
    pub mod customer {
        use sea_orm::entity::prelude::*;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "customer")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: i64,
            pub name: String,
            pub password_hash: String,
            pub orders: i32,
        }

        seachange_changelog::track!(redact: [PasswordHash]);
    }
}

/// The migration that the page shows.
struct Audit;

impl MigrationName for Audit {
    fn name(&self) -> &str {
        "m20261130_000001_audit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Audit {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        create_change_log(db).await?;
        let options = TriggerOptions::new().redact("password_hash");
        track_by_triggers(db, "customer", options).await?;
        baseline(db, "customer").await?;
        Ok(())
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Audit)]
    }
}

async fn audited_by_one_migration_and_then_with_the_actor(database: &OwnDatabase) -> Outcome {
    let db = Database::connect(&database.url).await?;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(customer::Entity))
        .await?;
    insert(&db, 1).await?;
    Migrator::up(&db, None).await?;

    // Nothing else has changed, and everything is recorded.
    insert(&db, 2).await?;
    customer::Entity::delete_by_id(2).exec(&db).await?;
    with_the_actor(db.clone()).await?;

    let changes = changes(db).await?;
    let seen: Vec<_> = changes
        .iter()
        .map(|Change { row, .. }| (row.operation, row.source, row.actor.as_deref()))
        .collect();
    let expected = [
        (Operation::Insert, Source::Baseline, None),
        (Operation::Insert, Source::Trigger, None),
        (Operation::Delete, Source::Trigger, None),
        (Operation::Update, Source::Trigger, Some("alice")),
    ];
    assert_eq!(seen, expected);
    let after = changes[3].row.after.as_ref();
    let image = json!({ "id": 1, "name": "Ann", "orders": 1, "password_hash": "[redacted]" });
    assert_eq!(after.map(|after| &after["name"]), Some(&image["name"]));
    assert_eq!(
        after.map(|after| &after["password_hash"]),
        Some(&image["password_hash"])
    );
    Ok(())
}

async fn insert(db: &DatabaseConnection, id: i64) -> Outcome {
    let customer = customer::ActiveModel {
        id: Set(id),
        name: Set("Ann".to_owned()),
        password_hash: Set("secret".to_owned()),
        orders: Set(0),
    };
    customer.insert(db).await?;
    Ok(())
}

async fn with_the_actor(db: DatabaseConnection) -> Outcome {
    use tracked::customer;

    let db = TrackedConnection::new(db);
    // Where a request begins, e.g. in an axum extractor:
    let db = db.with_context(Context::actor("alice"));

    let tx = db.begin().await?;
    customer::Entity::update_many()
        .col_expr(
            customer::Column::Orders,
            Expr::col(customer::Column::Orders).add(1),
        )
        .filter(customer::Column::Id.eq(1))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn changes(db: DatabaseConnection) -> anyhow::Result<Vec<Change>> {
    let feed = Feed::start(db, Arc::new(Notify::new())).await?;
    let page = feed
        .page(&Start::Oldest, &Selection::default(), 100)
        .await?;
    Ok(page.changes)
}
