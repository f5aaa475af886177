//! A tracked table with values that are hard to carry, a counted key and a unique column.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Schema};
use seachange_testkit::{TestServer, reference_app};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "parcel")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(60))", unique)]
    pub code: String,
    pub number: i64,
    #[sea_orm(column_type = "Double")]
    pub ratio: f64,
    #[sea_orm(column_type = "Blob", nullable)]
    pub content: Option<Vec<u8>>,
    #[sea_orm(column_type = "Json", nullable)]
    pub note: Option<Json>,
}

seachange_changelog::track!();

/// A parcel with a code and little else.
pub fn coded(code: impl Into<String>, number: i64) -> ActiveModel {
    ActiveModel {
        code: Set(code.into()),
        number: Set(number),
        ratio: Set(0.5),
        ..Default::default()
    }
}

/// A server beside the given one that knows the table; verify then does too.
pub async fn server(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
    db.execute(&table).await?;
    let app = reference_app().entity::<Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}
