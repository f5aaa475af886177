//! A table whose key is an unsigned integer of 64 bits, as MariaDB has them.

use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use seachange::{App, Policy};
use seachange_testkit::{TestServer, reference_app};
use serde_json::{Value as Json, json};

use crate::graphql::given::Names;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: u64,
    pub name: String,
}

seachange_changelog::track!();

pub const COUNTERS: Names = Names {
    field: "counter",
    object: "Counter",
    all: "id name",
};

/// A server that syncs counters, on a table of its own.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let create = "CREATE TABLE counter (id bigint unsigned NOT NULL PRIMARY KEY, name varchar(100) NOT NULL)";
    server.db().writer().execute_unprepared(create).await?;
    let app: App = reference_app()
        .entity::<Entity>()
        .sync::<Entity>(Policy::manual());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A document.
pub fn counter(id: u64, name: &str) -> Json {
    json!({ "id": id.to_string(), "name": name, "_deleted": false })
}
