//! A table that refers to itself, with a unique number that is never null: for batches whose rows stand
//! in each other's way.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ForeignKey;
use sea_orm::{ConnectionTrait, Schema};
use seachange::{App, Policy};
use seachange_testkit::{TestServer, reference_app};
use serde_json::{Value as Json, json};

use crate::graphql::given::Names;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "node")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub parent_id: Option<i32>,
    #[sea_orm(unique)]
    pub place: i32,
}

seachange_changelog::track!();

pub const NODES: Names = Names {
    field: "node",
    object: "Node",
    all: "id parentId place",
};

/// A server that syncs nodes, on a table of its own.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let mut table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
    let to_itself = ForeignKey::create()
        .from(Entity, Column::ParentId)
        .to(Entity, Column::Id)
        .take();
    db.execute(table.foreign_key(&mut to_itself.clone()))
        .await?;
    let app: App = reference_app()
        .entity::<Entity>()
        .sync::<Entity>(Policy::manual());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A document.
pub fn node(id: i32, parent: Option<i32>, place: i32) -> Json {
    json!({ "id": id.to_string(), "parentId": parent, "place": place, "_deleted": false })
}
