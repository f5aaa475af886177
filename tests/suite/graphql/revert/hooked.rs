//! Reverts run an entity's own hooks, whose word is final.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Schema};
use seachange::changelog::Hooks;
use seachange_testkit::{Outcome, TestServer, reference_app};
use serde_json::json;

use super::super::given::Names;
use super::{CHANGE, newest, rows};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub text: String,
}

seachange_changelog::track!(hooks);

#[async_trait::async_trait]
impl Hooks for ActiveModel {
    async fn before_save<C: ConnectionTrait>(self, _: &C, insert: bool) -> Result<Self, DbErr> {
        match self.text.try_as_ref().map(String::as_str) {
            Some("draft") if !insert => Err(DbErr::Custom("no way back to a draft".to_owned())),
            _ => Ok(self),
        }
    }

    async fn before_delete<C: ConnectionTrait>(self, _: &C) -> Result<Self, DbErr> {
        Err(DbErr::Custom("notices stay".to_owned()))
    }
}

seachange_testkit::cases![own_hooks_have_a_say];

const NOTICES: Names = Names {
    field: "notice",
    object: "Notice",
    all: "id text",
};

async fn own_hooks_have_a_say(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
    db.execute(&table).await?;
    let app = reference_app().entity::<Entity>();
    let hooked = TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await?;
    let client = hooked.client();
    NOTICES
        .create(&client, json!({ "id": 1, "text": "draft" }))
        .await?;
    let created = newest(&client).await?;
    let refuse = async |cursor, word: &str| {
        let answer = client.send(CHANGE, json!({ "cursor": cursor })).await?;
        assert_eq!(answer.code()?, "BAD_INPUT");
        assert_eq!(answer.body["errors"][0]["message"], word);
        anyhow::Ok(())
    };
    refuse(created, "notices stay").await?;
    super::update(&client, NOTICES, &json!(1), json!({ "text": "final" })).await?;
    let published = newest(&client).await?;
    refuse(published.clone(), "no way back to a draft").await?;
    assert_eq!(
        rows(&client, NOTICES).await?,
        [json!({ "id": 1, "text": "final" })]
    );
    assert_eq!(newest(&client).await?, published, "nothing was written");
    // A server that does not know the entity cannot undo it.
    let code = server
        .client()
        .code(CHANGE, json!({ "cursor": published }))
        .await?;
    assert_eq!(code, "BAD_INPUT");
    hooked.finish().await
}
