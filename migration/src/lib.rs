//! The reference application's migrations. Table and column names are written out: a migration
//! must mean the same after the entities have changed.

mod columns;
mod m20261101_000001_change_log;
mod m20261101_000002_tables;
mod m20261121_000003_comment_triggers;
mod m20261121_000004_sync;
mod m20261129_000005_comment_triggers_anew;
mod m20261130_000006_children_by_index;
mod m20261130_000007_log_format;

use sea_orm_migration::prelude::*;

/// All migrations, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_change_log::Migration),
            Box::new(m20261101_000002_tables::Migration),
            Box::new(m20261121_000003_comment_triggers::Migration),
            Box::new(m20261121_000004_sync::Migration),
            Box::new(m20261129_000005_comment_triggers_anew::Migration),
            Box::new(m20261130_000006_children_by_index::Migration),
            Box::new(m20261130_000007_log_format::Migration),
        ]
    }
}
