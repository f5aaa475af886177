//! Comments are captured by triggers: whatever program writes them is recorded.

use sea_orm_migration::prelude::*;
use seachange_changelog::{TriggerOptions, track_by_hooks, track_by_triggers};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        track_by_triggers(manager.get_connection(), "comment", TriggerOptions::new()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        track_by_hooks(manager.get_connection(), "comment").await
    }
}
