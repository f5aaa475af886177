//! The log's identity: one row with a random name.
//!
//! A cursor is only worth something on the log it came from. The epoch is part of every cursor, so
//! that one from another log is told apart from one that is merely old.

use sea_orm::entity::prelude::*;

/// The id of the one row: there is one log in a database.
pub const ONLY: i32 = 1;

/// The one row of `change_epoch`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_epoch")]
pub struct Model {
    /// Always [`ONLY`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Random, 16 hexadecimal digits.
    pub epoch: String,
    /// Which database server this epoch lives on, as far as that can be told: a copy restored
    /// elsewhere differs.
    pub identity: Option<String>,
    /// Log rows up to this id are readable history, not part of the order any more: they belong to
    /// an older epoch, or retention has passed them.
    pub horizon: i64,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A new random name.
pub(crate) fn random() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    random.chars().take(16).collect()
}
