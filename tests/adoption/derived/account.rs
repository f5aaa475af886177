//! An entity in the form of SeaORM 2, with every kind of option and custom hooks.

use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use seachange::changelog::{Hooks, Track};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Track)]
#[sea_orm(table_name = "account")]
#[track(updated_at, exclude(last_seen))]
#[track(hooks)]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    #[track(redact)]
    pub password: String,
    pub last_seen: Option<DateTimeUtc>,
    #[track(created_at)]
    pub made_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[async_trait::async_trait]
impl Hooks for ActiveModel {
    async fn before_save<C: ConnectionTrait>(mut self, _: &C, _: bool) -> Result<Self, DbErr> {
        if let Some(name) = self.name.try_as_ref() {
            self.name = sea_orm::ActiveValue::Set(name.to_uppercase());
        }
        Ok(self)
    }
}
