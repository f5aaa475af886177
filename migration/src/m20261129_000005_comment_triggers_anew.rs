//! The triggers of comments as this version makes them: they hold up nobody else's writes on MariaDB, and
//! take from other programs, as plain text, who writes.

use sea_orm_migration::prelude::*;
use seachange_changelog::{TriggerOptions, track_by_triggers};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        track_by_triggers(manager.get_connection(), "comment", TriggerOptions::new()).await
    }

    /// Older programs go on with these triggers.
    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
