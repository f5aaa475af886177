//! The smallest application: one table in one file, with its change log, live updates and history.
//!
//! `cargo run -p example-hello`, then open the address that it prints.

use std::process::ExitCode;

use sea_orm_migration::prelude::*;
use seachange::App;
use seachange::changelog::create_change_log;

mod note {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: String,
    }

    // In place of `impl ActiveModelBehavior for ActiveModel {}`.
    seachange::changelog::track!();
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Notes)]
    }
}

#[derive(DeriveMigrationName)]
struct Notes;

#[seachange::async_trait]
impl MigrationTrait for Notes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_change_log(manager.get_connection()).await?;
        let schema = sea_orm::Schema::new(manager.get_database_backend());
        let table = schema.create_table_from_entity(note::Entity);
        manager.create_table(table).await
    }
}

fn app() -> App {
    App::new().migrator::<Migrator>().entity::<note::Entity>()
}

fn main() -> ExitCode {
    app().run()
}

#[cfg(test)]
mod tests {
    use seachange::Settings;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_note_and_its_history() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("notes.db").display()
        );
        let settings = Settings::new(url, ([127, 0, 0, 1], 0).into());
        let server = super::app().start(&settings).await?;
        let graphql = format!("http://{}/graphql", server.address);
        let ask = async |query: &str| {
            let request = reqwest::Client::new().post(&graphql);
            let answer = request.json(&json!({ "query": query })).send().await?;
            anyhow::Ok(answer.json::<Value>().await?["data"].clone())
        };
        ask(r#"mutation { noteCreateOne(data: { text: "hello" }) { id } }"#).await?;
        let history =
            ask(r#"{ noteHistory(key: { id: "1" }) { nodes { operation after } } }"#).await?;
        assert_eq!(
            history["noteHistory"]["nodes"],
            json!([{ "operation": "INSERT", "after": { "id": "1", "text": "hello" } }])
        );
        server.stop().await?;
        Ok(())
    }
}
