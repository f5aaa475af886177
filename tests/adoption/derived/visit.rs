//! An entity in the form of SeaORM 1, with fields whose columns have other names.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, seachange_changelog::Track)]
#[sea_orm(table_name = "visit")]
#[track(redact(r#type, note))]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub account_id: i64,
    pub r#type: String,
    #[sea_orm(enum_name = "Remark", column_name = "note")]
    pub note: String,
    #[sea_orm(column_name = "source", nullable)]
    #[track(exclude)]
    pub via: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::account::Entity",
        from = "Column::AccountId",
        to = "super::account::Column::Id"
    )]
    Account,
}

impl Related<super::account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Account.def()
    }
}
