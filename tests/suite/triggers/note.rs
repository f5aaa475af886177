//! A tracked table with all that a REPLACE and a change of key can meet: a key of its own choice, a
//! second unique column, a table whose rows cascade to it.

use sea_orm::ConnectionTrait;
use sea_orm::DbBackend;
use sea_orm::entity::prelude::*;
use seachange::App;
use seachange::changelog::{Image, TriggerOptions, log, track_by_triggers};
use seachange_testkit::{TestServer, reference_app};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub book_id: Option<i64>,
    #[sea_orm(unique)]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub body: String,
}

seachange_changelog::track!();

/// Makes `book` and `note`; deletes of a book take its notes along.
pub async fn create(server: &TestServer) -> anyhow::Result<()> {
    let db = server.db().writer();
    let (tail, text) = match db.get_database_backend() {
        DbBackend::MySql => (
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            "longtext",
        ),
        _ => ("", "text"),
    };
    for sql in [
        format!("CREATE TABLE book (id bigint NOT NULL PRIMARY KEY) {tail}"),
        format!(
            "CREATE TABLE note (id bigint NOT NULL PRIMARY KEY, book_id bigint,
             name varchar(100) NOT NULL UNIQUE, body {text} NOT NULL,
             FOREIGN KEY (book_id) REFERENCES book (id) ON DELETE CASCADE) {tail}"
        ),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// A server that knows notes, captured by triggers.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    create(server).await?;
    track_by_triggers(server.db().writer(), "note", TriggerOptions::new()).await?;
    beside(server).await
}

/// A server that knows notes.
pub async fn beside(server: &TestServer) -> anyhow::Result<TestServer> {
    let app: App = reference_app().entity::<Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A change in short: what happened to which row, its name and body before and after.
pub fn told(change: &log::Model) -> String {
    let row = |image: &Option<Json>| {
        let text = |image: &Image, name: &str| {
            let value = image.get(name).and_then(Json::as_str);
            value.unwrap_or("?").to_owned()
        };
        let image = image.as_ref().and_then(Json::as_object);
        image.map_or("-".to_owned(), |image| {
            format!("{}={}", text(image, "name"), text(image, "body"))
        })
    };
    format!(
        "{} {} {} {}",
        change.operation,
        change.row_key["id"].as_str().unwrap_or("?"),
        row(&change.before),
        row(&change.after)
    )
}

/// The log in short.
pub async fn all_told(server: &TestServer) -> anyhow::Result<Vec<String>> {
    Ok(server.logged().await?.iter().map(told).collect())
}
