//! The schema on a database in memory.

use example_static_graphql::schema;
use futures_util::StreamExt;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use seachange::changelog::Context;
use seachange::{Connections, DatabaseSettings};
use seachange_entity::label;
use seachange_migration::Migrator;

#[tokio::test]
async fn a_label_is_followed_by_its_own_type() -> anyhow::Result<()> {
    let connections = Connections::open(DatabaseSettings::new("sqlite::memory:")).await?;
    Migrator::up(connections.tracked().writer(), None).await?;
    let schema = schema(&connections).await?;
    let ada = connections.tracked().with_context(Context::actor("ada"));
    let tx = ada.begin().await?;
    let label = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    let mut label = label.insert(&tx).await?.into_active_model();
    tx.commit().await?;
    let tx = ada.begin().await?;
    label.name = Set("later".to_owned());
    label.update(&tx).await?;
    tx.commit().await?;

    let labels = schema.execute("{ labels { name } }").await;
    assert_eq!(
        labels.data.into_json()?,
        serde_json::json!({ "labels": [{ "name": "later" }] })
    );
    let first = schema.execute_stream(
        "subscription { labelEvents(after: \"0\") { event by before { name } after { name } } }",
    );
    let events: Vec<_> = first.take(2).collect().await;
    let events = events.into_iter().map(|event| event.data.into_json());
    let events = events.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(events[0]["labelEvents"]["event"], "ADDED");
    assert_eq!(
        events[1]["labelEvents"],
        serde_json::json!({
            "event": "RENAMED",
            "by": "ada",
            "before": { "name": "urgent" },
            "after": { "name": "later" },
        })
    );
    Ok(())
}
