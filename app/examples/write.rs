//! Writes from Rust: recorded as those of the API are, in one transaction with the rows.

use sea_orm::TransactionTrait;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use seachange::DatabaseSettings;
use seachange::changelog::Context;
use seachange_entity::project;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("DATABASE_URL");
    let url = url.unwrap_or_else(|_| "sqlite://seachange.db?mode=rwc".to_owned());
    let settings = DatabaseSettings::new(url);
    // Who writes travels with the connection, and with each transaction begun on it.
    let db = seachange::connect(&settings)
        .await?
        .with_context(Context::actor("importer"));

    let tx = db.begin().await?;
    let project = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set("Refit".to_owned()),
        ..Default::default()
    };
    let mut project = project.insert(&tx).await?.into_active_model();
    project.archived = Set(true);
    let project = project.update(&tx).await?;
    // Row and changes together, or nothing of it.
    tx.commit().await?;
    println!(
        "project {} is in the table, its two changes in the log",
        project.id
    );
    Ok(())
}
