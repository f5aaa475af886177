//! The log's identity: one row with a random name.
//!
//! A cursor is only worth something on the log it came from. The epoch is part of every cursor, so
//! that one from another log is told apart from one that is merely old.

use sea_orm::entity::prelude::*;

/// The one row of `change_epoch`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_epoch")]
pub struct Model {
    /// Always 1: there is one log in a database.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Random, 16 hexadecimal digits.
    pub epoch: String,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
