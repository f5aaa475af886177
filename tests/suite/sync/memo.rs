//! A table with a time that clients write, and a hook that forbids: for policies other than those of
//! the reference application.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Schema};
use seachange::changelog::Hooks;
use seachange::{App, Policy};
use seachange_testkit::{TestServer, reference_app};
use serde_json::{Value as Json, json};

use crate::graphql::given::Names;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "memo")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub body: String,
    pub votes: i32,
    #[sea_orm(unique)]
    pub place: Option<i32>,
    pub edited_at: Option<DateTimeUtc>,
}

seachange_changelog::track!(hooks);

#[async_trait::async_trait]
impl Hooks for ActiveModel {
    async fn before_save<C: ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, DbErr> {
        match self.body.try_as_ref().map(String::as_str) {
            Some("forbidden") => Err(DbErr::Custom("nobody writes this".to_owned())),
            _ => Ok(self),
        }
    }
}

pub const MEMOS: Names = Names {
    field: "memo",
    object: "Memo",
    all: "id body votes place editedAt",
};

/// A server that syncs memos by this policy, on a table of its own.
pub async fn start(server: &TestServer, policy: Policy) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
    db.execute(&table).await?;
    let app: App = reference_app().entity::<Entity>().sync::<Entity>(policy);
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// A document.
pub fn memo(body: &str, votes: i64, edited_at: &str) -> Json {
    json!({ "id": "1", "body": body, "votes": votes, "place": null, "editedAt": edited_at,
        "_deleted": false })
}
