//! Ours: the reference application on SQLite. A burst is one transaction, so that all of it has been
//! written before the first of it is handed out.

use sea_orm::ActiveValue::Set;
use sea_orm::TransactionTrait;
use seachange_entity::label;
use seachange_testkit::{Database, OwnDatabase, TestServer};

pub(super) const NAME: &str = "own";

pub(super) async fn serve() -> anyhow::Result<()> {
    let own = OwnDatabase::create(&Database::Sqlite).await?;
    let server = TestServer::start(&own).await?;
    super::tell(server.server().address);
    let db = server.db();
    super::obey(async |numbers| {
        let tx = db.begin().await?;
        let labels = numbers.map(|number| label::ActiveModel {
            name: Set(super::name(number)),
            ..Default::default()
        });
        tx.insert_many::<label::Entity>(labels).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    server.stop().await?;
    own.drop().await
}
