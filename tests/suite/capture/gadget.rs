//! A tracked entity with hooks of its own, one of which can be made to fail.

use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Schema};
use seachange::changelog::Hooks;
use seachange_testkit::TestServer;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gadget")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub name: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

seachange_changelog::track!(hooks);

#[async_trait::async_trait]
impl Hooks for ActiveModel {
    async fn before_save<C: ConnectionTrait>(mut self, db: &C, _: bool) -> Result<Self, DbErr> {
        if self.name.try_as_ref().is_some_and(|name| name == "meddles") {
            meddle(&self, db).await?;
        }
        match self.name.try_as_ref().map(String::as_str) {
            Some("refused before") => Err(DbErr::Custom("gadgets have better names".to_owned())),
            Some("loud") => {
                self.name = sea_orm::ActiveValue::Set("LOUD".to_owned());
                Ok(self)
            }
            _ => Ok(self),
        }
    }

    async fn after_save<C: ConnectionTrait>(model: Model, _: &C, _: bool) -> Result<Model, DbErr> {
        match model.name.as_str() {
            "refused after" => Err(DbErr::Custom("too late".to_owned())),
            _ => Ok(model),
        }
    }
}

/// Renames the gadget after this one.
async fn meddle<C: ConnectionTrait>(gadget: &ActiveModel, db: &C) -> Result<(), DbErr> {
    let next = gadget.id.try_as_ref().copied().unwrap_or_default() + 1;
    let Some(row) = Entity::find_by_id(next).one(db).await? else {
        return Ok(());
    };
    let mut row: ActiveModel = row.into();
    row.name = sea_orm::ActiveValue::Set("meddled".to_owned());
    row.update(db).await?;
    Ok(())
}

/// Makes the table.
pub async fn create(server: &TestServer) -> anyhow::Result<()> {
    let db = server.db().writer();
    let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
    db.execute(&table).await?;
    Ok(())
}
