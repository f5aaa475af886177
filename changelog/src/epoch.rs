//! The log's identity: one row with a random name.
//!
//! A cursor is only worth something on the log it came from. The epoch is part of every cursor, so
//! that one from another log is told apart from one that is merely old.

use sea_orm::entity::prelude::*;

/// The id of the one row: there is one log in a database.
pub const ONLY: i32 = 1;

macro_rules! identity {
    () => {
        "(SELECT system_identifier FROM pg_control_system())::text || '.' ||
            left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.' ||
            (SELECT oid FROM pg_database WHERE datname = current_database())::text"
    };
}

/// PostgreSQL: the server, its timeline and the database: a copy elsewhere has another. The timeline
/// is read from the log's file name, which follows a failover at once; the control file does later.
pub(crate) const IDENTITY: &str = identity!();

/// PostgreSQL: the epoch, if it lives on the server that is asked. No row after a failover or in a
/// restored copy, until that has been given a new epoch.
pub(crate) const HERE: &str = concat!(
    "SELECT epoch, horizon FROM change_epoch WHERE identity = ",
    identity!()
);

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
    /// Changes recorded before this time may have been removed (RFC 3339, UTC, microseconds).
    pub pruned_before: Option<String>,
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
