//! The log's identity: one row with a random name.
//!
//! A cursor is valid only for the log from which it came. The epoch is part of every cursor, so that a cursor
//! of another log is distinguished from one that is merely old.

use sea_orm::entity::prelude::*;

/// The id of the only row: a database has one log.
pub const ONLY: i32 = 1;

macro_rules! identity {
    () => {
        "(SELECT system_identifier FROM pg_control_system())::text || '.' ||
            left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.' ||
            (SELECT oid FROM pg_database WHERE datname = current_database())::text"
    };
}

/// The SQL that identifies PostgreSQL's server, its timeline and the database; a copy elsewhere has another
/// identity. The timeline is read from the name of the WAL file, which changes immediately at a failover; the
/// control file changes later.
pub(crate) const IDENTITY: &str = identity!();

/// The SQL that reads the epoch on PostgreSQL if it belongs to this server. It returns no row after a
/// failover or in a restored copy, until a new epoch begins.
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
    /// The database server to which this epoch belongs, as far as that can be determined: a copy restored
    /// elsewhere differs.
    pub identity: Option<String>,
    /// Log rows up to this id are readable history, but no longer part of the order: they belong to an older
    /// epoch, or retention has passed them.
    pub horizon: i64,
    /// Changes recorded before this time may have been removed (RFC 3339, UTC, microseconds).
    pub pruned_before: Option<String>,
}

/// The entity has no relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A new random name.
pub(crate) fn random() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    random.chars().take(16).collect()
}
