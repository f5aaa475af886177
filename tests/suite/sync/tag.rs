//! A table whose texts are equal in upper and lower case, its keys too, and that refers to itself.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend};
use seachange::{App, Policy};
use seachange_testkit::{TestServer, reference_app};
use serde_json::{Value as Json, json};

use crate::graphql::given::Names;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tag")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub parent_id: Option<String>,
    #[sea_orm(unique)]
    pub name: String,
}

seachange_changelog::track!();

pub const TAGS: Names = Names {
    field: "tag",
    object: "Tag",
    all: "id parentId name",
};

/// A server that syncs tags, on a table of its own.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let statements: &[&str] = match db.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE EXTENSION citext",
            "CREATE DOMAIN word AS citext",
            "CREATE TABLE tag (id word NOT NULL PRIMARY KEY, parent_id word REFERENCES tag (id),
             name word NOT NULL UNIQUE)",
        ],
        DbBackend::MySql => &[
            "CREATE TABLE tag (id varchar(100) NOT NULL PRIMARY KEY, parent_id varchar(100),
             name varchar(100) NOT NULL UNIQUE, FOREIGN KEY (parent_id) REFERENCES tag (id))
             ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        ],
        _ => &[
            "CREATE TABLE tag (id text COLLATE NOCASE NOT NULL PRIMARY KEY,
             parent_id text COLLATE NOCASE REFERENCES tag (id),
             name text COLLATE NOCASE NOT NULL UNIQUE)",
        ],
    };
    for sql in statements {
        db.execute_unprepared(sql).await?;
    }
    let app: App = reference_app()
        .entity::<Entity>()
        .sync::<Entity>(Policy::manual());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A document.
pub fn tag(id: &str, parent: Option<&str>, name: &str) -> Json {
    json!({ "id": id, "parentId": parent, "name": name, "_deleted": false })
}
