//! A table of times of each kind, captured by triggers, so that other programs can write it.

use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use seachange::changelog::{TriggerOptions, create_time_index, track_by_triggers};
use seachange_testkit::{TestServer, reference_app};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub parent_id: Option<i32>,
    /// A moment.
    pub at: Option<DateTimeUtc>,
    /// A day and a time of day.
    pub local: Option<DateTime>,
    /// A time of day.
    pub clock: Option<Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "Entity", from = "Column::ParentId", to = "Column::Id")]
    Parent,
}

seachange_changelog::track!();

/// A server that knows events.
pub async fn start(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let schema = sea_orm::Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(Entity)).await?;
    track_by_triggers(db, "event", TriggerOptions::new()).await?;
    create_time_index::<Entity>(db, Column::At).await?;
    let app = reference_app().entity::<Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}
